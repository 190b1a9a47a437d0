"""The corpus of bad images that lies beside the project, written fresh for a session."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[3] / "shared" / "tools"
SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
import make_corpus
make_corpus.ROOT = sys.argv[2]
make_corpus.images(False)
print(json.dumps(make_corpus.M))
"""


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """A list of (entry of the manifest, file); the test is skipped, with the reason, where the corpus is not there."""
    if not (TOOLS / "make_corpus.py").is_file():
        pytest.skip("the corpus of bad inputs is not beside the project: ../shared/tools/make_corpus.py")
    folder = tmp_path_factory.mktemp("corpus")
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(TOOLS), str(folder)], capture_output=True, text=True, check=True)
    return [(entry, folder / entry["path"]) for entry in json.loads(done.stdout.splitlines()[-1])]
