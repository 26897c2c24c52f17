import pytest

pytest.register_assert_rewrite("tests.meetings.tus.core_rules", "tests.meetings.tus.extension_rules")
