"""The page on published examples says what the service reads today."""

from __future__ import annotations

import pytest

from tests import real_data
from tests.tools import understood

pytestmark = pytest.mark.skipif(not real_data.FOLDER.exists(), reason=real_data.ABSENT)


def test_the_page_is_current() -> None:
    remedy = "renew it with: python -m tests.tools.understood"
    assert understood.page() == understood.PAGE.read_text(encoding="utf-8"), remedy


@pytest.mark.parametrize("folder", understood.FOLDERS)
def test_every_folder_has_patients(folder: str) -> None:
    sources = list(understood.sources(real_data.FOLDER / folder))
    assert any(understood.patients(source) for source in sources)
