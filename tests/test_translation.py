"""No text without its translation, none that says something else than its English, and the tool that looks after the catalogs."""

import gettext
import importlib.util
import subprocess
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from vpc2.text import DOMAIN, LANGUAGES, LOCALES
from vpc2.ui.augment import pipeline_editor

SCRIPT = Path(__file__).parents[1] / ".ci" / "translate"
# Sentences of more than four words that are the same in another language: names and formulas.
SAME: set[str] = set()
HEADER = """msgid ""\nmsgstr ""\n"Language: es\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n"""


def loaded(root):
    """Return the tool as a module, at work in the folder `root`."""
    loader = SourceFileLoader("translate", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("translate", loader))
    loader.exec_module(module)
    module.ROOT = root
    return module


def test_every_text_of_the_code_is_translated_and_compiled(capsys):
    """Fields agree, nothing is missing, fuzzy or said nowhere; the app reads the compiled file."""
    assert loaded(SCRIPT.parents[1]).main(is_check=True) == 0, capsys.readouterr().err


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_no_sentence_is_the_english_one(language):
    with (LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        catalog = read_po(file)
    assert len(catalog) > 1000
    same = {message.id for message in catalog if isinstance(message.id, str) and message.id == message.string}
    assert {words for words in same if len(words.split()) > 4} <= SAME


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (Message("One.", ""), "not translated"),
        (Message("One.", "Uno.", flags=["fuzzy"]), "not translated"),
        (Message("{n} here", "{m} acá"), "fields"),
        (Message("{n} here", "acá"), "fields"),
        (Message("{n} here", "{n acá"), "expected"),
        (Message(("{n} cat", "{n} cats"), ("{n} gato",)), "plural"),
        (Message(("{n} cat", "{n} cats"), ("un gato", "gatos")), "fields"),
        (Message(("{n} cat", "{n} cats"), ("{m} gato", "{n} gatos")), "fields"),
        (Message("{n:,} here", "acá {n:,}"), ""),
        (Message(("one cat", "{n} cats"), ("un gato", "{n} gatos")), ""),
    ],
)
def test_a_wrong_translation_is_found(message, said):
    tool = loaded(Path())
    wrong = " ".join(tool.objections(tool.read(HEADER.encode()), message))
    assert (said in wrong) if said else not wrong


@pytest.fixture
def project(tmp_path):
    """A project of one page and one module, its catalog empty."""
    for folder in ("vpc2", "pages", "assets/locale/es/LC_MESSAGES"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "streamlit_app.py").write_text("")
    (tmp_path / "pages/one.py").write_text("""said = f"# {_('A page')}"\n""")
    (tmp_path / "vpc2/one.py").write_text(
        """TABLE = [Text("100 % of it"), Text("One", context="a number"), Plural("{k} cat", "{k} cats", count="k"), Text("")]\n"""
    )
    (tmp_path / "assets/locale/es/LC_MESSAGES/vpc2.po").write_text(HEADER + """\nmsgid "Gone"\nmsgstr "Ido"\n""")
    return tmp_path


SPANISH = {"100 % of it": "100 % de eso", "One": "Uno", "A page": "Una página"}


def translated(project, said=SPANISH):
    """Write the translations into the catalog, as a person does."""
    path = project / "assets/locale/es/LC_MESSAGES/vpc2.po"
    text = path.read_text()
    for english, spanish in said.items():
        text = text.replace(f'msgid "{english}"\nmsgstr ""', f'msgid "{english}"\nmsgstr "{spanish}"')
    path.write_text(text.replace('msgstr[0] ""', 'msgstr[0] "{k} gato"').replace('msgstr[1] ""', 'msgstr[1] "{k} gatos"'))


def test_the_tool_extracts_updates_and_compiles(project, capsys):
    tool = loaded(project)
    assert tool.main(is_check=False) == 1
    missing = capsys.readouterr().err
    assert missing.count("not translated") == 4 and all(words in missing for words in ("100 % of it", "One", "{k} cats", "A page"))
    translated(project)
    assert tool.main(is_check=False) == 0 and tool.main(is_check=True) == 0
    spanish = gettext.translation("vpc2", project / "assets/locale", ["es"])
    assert spanish.gettext("A page") == "Una página" and spanish.gettext("100 % of it") == "100 % de eso"
    assert spanish.pgettext("a number", "One") == "Uno" and spanish.gettext("One") == "One"
    assert [spanish.ngettext("{k} cat", "{k} cats", n) for n in (1, 2)] == ["{k} gato", "{k} gatos"]
    assert spanish.gettext("Gone") == "Gone"
    assert "no-python-format" in (project / "assets/locale/es/LC_MESSAGES/vpc2.po").read_text()


def test_the_check_says_what_is_out_of_date_and_changes_nothing(project, capsys):
    tool = loaded(project)
    tool.main(is_check=False)
    translated(project)
    before = (project / "assets/locale/es/LC_MESSAGES/vpc2.po").read_bytes()
    capsys.readouterr()
    assert tool.main(is_check=True) == 1 and "not compiled" in capsys.readouterr().err
    tool.main(is_check=False)
    (project / "pages/one.py").write_text("said = _('Another page')\n")
    assert tool.main(is_check=True) == 1
    said = capsys.readouterr().err
    assert "not translated: 'Another page'" in said and "said nowhere: 'A page'" in said
    assert (project / "assets/locale/es/LC_MESSAGES/vpc2.po").read_bytes() == before


@pytest.mark.parametrize("code", ["_(said)", 'Text(f"{n}")', 'Text("One", "Uno")', 'Plural("One")', 'Text("a" if b else "c")'])
def test_a_message_that_is_no_literal_is_refused(project, code):
    (project / "pages/one.py").write_text(code)
    with pytest.raises(SystemExit, match="one.py:1: a message is a literal"):
        loaded(project).main(is_check=False)


def test_a_conflict_keeps_what_both_sides_translated(project):
    """Two branches add a text each; the tool, run in the middle of the merge, takes both translations."""

    def git(*args, code=0):
        done = subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *args], cwd=project, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr

    tool = loaded(project)
    tool.main(is_check=False)
    translated(project)
    tool.main(is_check=False)
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "one")
    for branch, english, spanish in (("left", "Mine", "Mío"), ("right", "Mint", "Menta")):
        git("checkout", "-q", "-b", branch, "main")
        (project / f"pages/{branch}.py").write_text(f"_({english!r})")
        tool.main(is_check=False)
        translated(project, {english: spanish})
        assert tool.main(is_check=False) == 0
        git("add", "-A")
        git("commit", "-qm", branch)
    git("merge", "-q", "left", code=1)
    assert tool.main(is_check=False) == 0 and tool.main(is_check=True) == 0
    spanish = gettext.translation("vpc2", project / "assets/locale", ["es"])
    assert [spanish.gettext(one) for one in ("Mine", "Mint", "A page")] == ["Mío", "Menta", "Una página"]


@pytest.mark.parametrize("lang", ["en", "es"])
def test_an_operation_is_found_by_name_or_family_in_both_languages(monkeypatch, lang):
    monkeypatch.setattr(pipeline_editor, "localize", lambda text: text.say(lang))
    shown = pipeline_editor.name_operation("RandomRotation")
    assert all(word in shown for word in ("Rotation", "Giro", "Geometric", "Geométricas", "RandomRotation"))
    assert shown.startswith({"en": "Rotation", "es": "Giro"}[lang])
