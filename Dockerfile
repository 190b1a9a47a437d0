# One image for the app: slim, not root, with a health check. Build: docker build -t vpc2 .   Run with its proxy: docker compose up
FROM python:3.12-slim AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.txt /tmp/requirements.txt
# On a machine without a GPU, --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu spares 4 GB.
ARG TORCH_INDEX=""
RUN python -m venv /opt/venv \
    && if [ -n "$TORCH_INDEX" ]; then /opt/venv/bin/pip install torch torchvision --index-url "$TORCH_INDEX"; fi \
    && /opt/venv/bin/pip install -r /tmp/requirements.txt

FROM python:3.12-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 VPC2_HOME=/home/vpc2/runs OMP_WAIT_POLICY=PASSIVE HOME=/tmp
# As vpc2/system/privacy.py says, for whatever else is run in the image.
ENV ORT_DISABLE_TELEMETRY=1 NO_ALBUMENTATIONS_UPDATE=1 RAY_USAGE_STATS_ENABLED=0
RUN useradd --create-home --uid 10001 vpc2 && mkdir /home/vpc2/runs && chown vpc2 /home/vpc2/runs
COPY --from=packages /opt/venv /opt/venv
COPY --chown=root:root .streamlit /app/.streamlit
COPY --chown=root:root streamlit_app.py /app/
COPY --chown=root:root pages /app/pages
COPY --chown=root:root vpc2 /app/vpc2
COPY --chown=root:root assets /app/assets
WORKDIR /app
USER vpc2
VOLUME /home/vpc2/runs
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD python -c "import os, urllib.request; base = os.environ.get('STREAMLIT_SERVER_BASE_URL_PATH', '').strip('/'); \
    urllib.request.urlopen('http://127.0.0.1:8501' + ('/' + base if base else '') + '/api/health', timeout=4)"
CMD ["streamlit", "run", "streamlit_app.py", "--server.address=0.0.0.0", "--server.headless=true"]
