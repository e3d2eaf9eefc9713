"""The page of the drills is that of the tables which are kept."""

from tests.drill import run


def test_the_page_is_current() -> None:
    assert run.PAGE.read_text(encoding="utf-8") == run.page()
