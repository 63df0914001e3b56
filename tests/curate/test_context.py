import pytest

from engine.curate.context import PROTECTED_WORDS, protected_words
from engine.settings import BadConfig, Settings


def test_words_of_taxonomy_catalogue_gazetteer_and_data_folder_are_protected(tmp_path):
    settings = Settings(data_dir=tmp_path)
    without = protected_words(settings)
    assert {"airtime", "netwok", "mast", "momo", "mifi", "ikeja", "sokoto"} <= without
    assert "zazuu" not in without
    (tmp_path / PROTECTED_WORDS).write_text("Zazuu\nmegapack 5\n", encoding="utf-8")
    assert protected_words(settings) - without == {"zazuu", "megapack"}


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / PROTECTED_WORDS).write_bytes(b"\xff\xfe")
    with pytest.raises(BadConfig, match=PROTECTED_WORDS):
        protected_words(Settings(data_dir=tmp_path))
