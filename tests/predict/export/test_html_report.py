"""The report is read back by the standard parser: every picture inside, no name is markup."""

import base64
from html.parser import HTMLParser

from vpc2.predict.export.html_report import Section, to_html

NASTY = '<img src="https://example.org/x"><script>alert(1)</script> "q" & co'


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.sources, self.words = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for key, value in attributes if key in ("src", "href")]

    def handle_data(self, data):
        self.words.append(data)


def test_pictures_are_inside_and_names_are_words():
    data = b"\x89PNG rest"
    reader = Reader()
    reader.feed(to_html(NASTY, [Section(NASTY, [NASTY], [[NASTY, "a"], ["1", NASTY]], [(data, NASTY), (b"\xff\xd8", "b")])]))
    assert "script" not in reader.tags and reader.tags.count("img") == 2
    assert all(source.startswith("data:image/") for source in reader.sources)
    assert base64.b64decode(reader.sources[0].partition(",")[2]) == data
    assert sum(NASTY in words for words in reader.words) == 7
