"""Report of an evaluation as one self-contained HTML file: text, tables and images, no outside requests. Standard library only."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from vpc2.version import APP

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem;color:#1b1f23;background:#fff}
h1{font-size:1.7rem}h2{font-size:1.2rem;margin-top:2rem}table{border-collapse:collapse}td,th{padding:.3rem .9rem .3rem 0;text-align:left;
border-bottom:1px solid #d9dde1;font-variant-numeric:tabular-nums}figure{display:inline-block;width:150px;margin:0 12px 12px 0;
vertical-align:top}figure img{width:100%;border-radius:8px}figcaption{font-size:.8rem}"""


@dataclass(frozen=True)
class Section:
    """One section: `lines` of text, a `table` of rows whose first is the header, and `pictures` as (JPEG or PNG bytes, caption)."""

    title: str
    lines: Sequence[str] = ()
    table: Sequence[Sequence[str]] = ()
    pictures: Sequence[tuple[bytes, str]] = field(default=())


def to_html(title: str, sections: Sequence[Section], lang: str = "en") -> str:
    """Return a report that opens in any browser; a content security policy in its head forbids scripts and outside requests."""
    body = "".join(_section(section) for section in sections)
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="{escape(lang)}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="generator" content="{APP}">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>", *(f"<p>{escape(line)}</p>" for line in section.lines)]
    if section.table:
        head, *rows = section.table
        parts.append("<table><tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>")
        parts += ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows]
        parts.append("</table>")
    for data, caption in section.pictures:
        kind = "png" if data[:4] == b"\x89PNG" else "jpeg"
        source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
        parts.append(f'<figure><img src="{source}" alt="{escape(caption, quote=True)}"><figcaption>{escape(caption)}</figcaption></figure>')
    return "".join(parts)
