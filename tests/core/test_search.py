"""Text is found by the same text: in every script, form and case, in every search."""

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from tandem.meeting.v1.meeting_pb2 import ListMeetingsRequest, SearchTranscriptsRequest
from tandem.task.v1.task_pb2 import ListTasksRequest
from tandem.user.v1.user_pb2 import SearchUsersRequest
from tasks.models import Task
from tests.support.factories import MeetingFactory, SegmentFactory, TaskFactory, TranscribedMeetingFactory, UserFactory
from tests.support.transports import Transport
from users.models import User

TITLES = [
    "Weekly planning",
    "Übergröße bestellen",
    "STRASSE räumen",
    "straße räumen",
    "GROẞE Sache",
    "İstanbul toplantısı",
    "ISPARTA ıspanak",
    "ΟΔΟΣ Αθηνών",
    "οδός Ἀθηνῶν",
    "ὈΔΥΣΣΕΎΣ",
    "Московский план",
    "Ёлка и йод",
    "Україна м'ята",
    "Հանդիպում Երևան",
    "შეხვედრა თბილისი",
    "ᲨᲔᲮᲕᲔᲓᲠᲐ",
    "ᏣᎳᎩ ꮳꮃꭹ",
    "बैठक",
    "हिन्दी क़लम",
    "মিটিং পরিকল্পনা",
    "ਮੀਟਿੰਗ",
    "સભા યોજના",
    "கூட்டம் திட்டம்",
    "సమావేశం",
    "ಸಭೆ ಯೋಜನೆ",
    "യോഗം തീരുമാനം",
    "රැස්වීම",
    "ประชุมประจำเดือน",
    "ກອງປະຊຸມ",
    "កិច្ចប្រជុំ",
    "အစည်းအဝေး",
    "བོད་སྐད་",
    "ᠮᠣᠩᠭᠣᠯ",
    "ስብሰባ ዕቅድ",
    "اجتماع الفريق",
    "مُدَرِّسٌ جديد",
    "مـــرحبا",
    "میـ\u200cخواهم",
    "פגישה שבועית",
    "שָׁלוֹם עולם",
    "會議紀錄",
    "東京都の会議室",
    "会議Roomで3月",
    "ひらがな",
    "カタカナ",
    "ｶﾞｷﾞｸﾞｹﾞ",
    "がぎぐげ",
    "회의록 작성",
    "Ⅳ. Quartal",
    "m² Fläche",
    "ﬁnal ﬂow",
    "½ Liter",
    "ｆｕｌｌｗｉｄｔｈ",
    "𝔉𝔯𝔞𝔨𝔱𝔲𝔯",
    "٢٠٢٤ تقرير",
    "२०२४ योजना",
    "Łódź Øresund",
    "Đặng Thị Hồng",
    "crème brûlée",
    "naïve façade",
    "Smørrebrød",
    "Þór Ægisson",
    "ŋ̊áa",
    "🎉",
    "👩🏽\u200d💻 code",
    "🇩🇪🇫🇷 Treffen",
    "❤️ Grüße",
    "1️⃣ zuerst",
    "→ weiter",
    "100 € netto",
    "C# and F#",
    "O’Brien",
    "ŒUVRE",
    "Ǆungla",
    "ŉ Afrikaans",
    "ꝏ ꜩ",
    "𐐔𐐯𐑅𐐨𐑉𐐯𐐻",
    "𞤀𞤣𞤤𞤢𞤥",
    "℃ and ℅",
    "ﷺ",
    "㋿ 令和",
    "x\u00adray",
    "zero\u200bwidth",
    "\ufb4f",
    "e\u0301te\u0301",
    "ᄒ\u1161ᆫ국",
    "日本語テスト",
    "ﾊﾟﾋﾟﾌﾟ",
]


def by_tasks(api: Transport, actor: User, query: str) -> set[str]:
    return {
        task.title
        for task in api("TaskService/ListTasks", ListTasksRequest(query=query, page_size=100), actor=actor).tasks
    }


def by_meetings(api: Transport, actor: User, query: str) -> set[str]:
    answer = api("MeetingService/ListMeetings", ListMeetingsRequest(query=query), actor=actor)
    return {meeting.title for meeting in answer.meetings}


def by_users(api: Transport, actor: User, query: str) -> set[str]:
    return {
        user.display_name for user in api("UserService/SearchUsers", SearchUsersRequest(query=query), actor=actor).users
    }


def by_transcripts(api: Transport, actor: User, query: str) -> set[str]:
    answer = api("MeetingService/SearchTranscripts", SearchTranscriptsRequest(query=query), actor=actor)
    return {match.segment.text for match in answer.matches}


def spellings(title: str) -> set[str]:
    forms: set[str] = {unicodedata.normalize(form, title) for form in ("NFC", "NFD")}
    forms |= {unicodedata.normalize("NFKC", title), unicodedata.normalize("NFKD", title)}
    forms |= {form.upper() for form in list(forms)} | {form.lower() for form in list(forms)} | {title, title.casefold()}
    return forms


def test_each_title_is_found_by_itself_in_every_form(administrator: User) -> None:
    for title in TITLES:
        TaskFactory(title=title)
    missed = []
    with connection.cursor() as cursor:
        for title in TITLES:
            stored = unicodedata.normalize("NFC", title)
            for query in spellings(title):
                cursor.execute(
                    "SELECT 1 FROM tasks_task WHERE title IN (%s, %s) AND search_words @@ core_search_pattern(%s)",
                    [title, stored, query],
                )
                if cursor.fetchone() is None:
                    missed.append((title, query))
    assert missed == []


@pytest.mark.parametrize(("search", "factory"), [(by_tasks, TaskFactory), (by_meetings, MeetingFactory)])
def test_each_title_is_found_over_both_transports(
    api: Transport, administrator: User, search: Callable[..., set[str]], factory: Any
) -> None:
    for title in TITLES:
        factory(title=title)
    missed = [title for title in TITLES if not search(api, administrator, title) & spellings(title)]
    assert missed == []


def test_names_and_transcripts_are_searched_alike(api: Transport, administrator: User) -> None:
    meeting = TranscribedMeetingFactory(owner=administrator)
    for title in TITLES:
        UserFactory(display_name=title)
        SegmentFactory(meeting=meeting, recognized_text=title)
    for search in (by_users, by_transcripts):
        assert [title for title in TITLES if not search(api, administrator, title) & spellings(title)] == []


def test_a_title_is_found_by_its_first_letters(administrator: User) -> None:
    missed = []
    with connection.cursor() as cursor:
        for title in TITLES:
            task = TaskFactory(title=title)
            for length in range(1, len(title)):
                cursor.execute(
                    "SELECT pattern, search_words @@ pattern FROM tasks_task, core_search_pattern(%s) AS pattern"
                    " WHERE id = %s",
                    [title[:length], task.pk],
                )
                pattern, found = cursor.fetchone()
                if pattern and not found:
                    missed.append((title, title[:length]))
    assert missed == []


@pytest.mark.parametrize(
    ("title", "queries", "others"),
    [
        ("café Ærø", ["cafe", "CAFÉ", "café", "ærø", "aero"], ["caff"]),
        ("Übergröße", ["uber", "ÜBERGRÖSSE", "ubergroße"], ["uberx", "größe"]),
        ("東京都の会議", ["京", "京都", "東京都", "都の会議", "会議", "東京都の会議"], ["都京", "東都", "会場"]),
        ("京都から東京へ", ["東京", "京都"], ["東京都"]),
        ("ประชุมประจำเดือน", ["ประชุม", "เดือน", "ประจำ"], ["ประกัน"]),
        ("회의록 작성", ["회의", "의록", "록", "회ㅇ", "작성"], ["의회"]),
        ("ｶﾀｶﾅ", ["カタカナ", "かた", "タカ"], ["ナカ"]),
        ("launch 🎉🚀", ["🎉", "🚀", "launch 🚀"], ["🎈"]),
        ("👩🏽\u200d💻 pairing", ["👩\u200d💻", "👩", "💻", "👩🏿"], ["👨"]),
        ("Treffen 🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"], ["🇪🇫", "🇮🇹"]),
        ("❤️ love", ["❤", "❤️"], ["💔"]),
        ("שָׁלוֹם", ["שלום"], ["שלח"]),
        ("مُدَرِّسٌ على", ["مدرس", "علي"], ["درس"]),
        ("كتاب", ["کتاب"], []),
        ("report ٢٠٢٤", ["2024", "۲۰۲۴"], ["2025"]),
        ("Quarter Ⅳ, 5 m²", ["iv", "m2", "M²"], ["m3"]),
        ("İstanbul IRMAK", ["istanbul", "ISTANBUL", "ırmak", "irmak"], []),
        ("ΟΔΟΣ", ["οδος", "οδός", "οδοσ"], []),
        ("м'ята", ["м’ята", "мʼята"], []),
        ("O’Brien", ["O'Brien", "o brien"], []),
        ("snake_case-and.dots", ["case", "and", "dots"], ["ase"]),
    ],
)  # fmt: skip
def test_equivalent_texts_match(
    api: Transport, administrator: User, title: str, queries: list[str], others: list[str]
) -> None:
    TaskFactory(title=title)
    assert [query for query in queries if by_tasks(api, administrator, query) != {title}] == []
    assert [query for query in others if by_tasks(api, administrator, query)] == []


def test_colleagues_find_names_and_not_addresses(api: Transport, ann: User) -> None:
    UserFactory(display_name="Zoë 東京", email="hidden@bücher.example")
    assert by_users(api, ann, "zoe") == by_users(api, ann, "京") == {"Zoë 東京"}
    assert by_users(api, ann, "hidden") == by_users(api, ann, "bücher.example") == set()


def test_a_domain_is_found_by_either_spelling(api: Transport, administrator: User) -> None:
    UserFactory(display_name="Ada", email="ada@bücher.example")
    for query in ("bücher.example", "xn--bcher-kva.example", "ada@BÜCHER.example", "ada bücher.example"):
        assert by_users(api, administrator, query) == {"Ada"}


@pytest.mark.parametrize("query", ["\u202aWeekly", "plan\u200fning\u202c", "\ufeffweek\u00adly"])
def test_marks_that_were_copied_along_make_no_difference(api: Transport, administrator: User, query: str) -> None:
    TaskFactory(title="Weekly planning")
    assert by_tasks(api, administrator, query) == {"Weekly planning"}


@pytest.mark.parametrize("query", ["!", "...", "؟", "\u0301", "\u200b!", "「」"])
def test_a_query_without_a_word_finds_nothing(api: Transport, administrator: User, query: str) -> None:
    TaskFactory(title="! ... ؟ 「」 a")
    assert by_tasks(api, administrator, query) == set()


@pytest.mark.parametrize(
    "text",
    ["㌖" * 10_000, "ﷺ" * 10_000, "x" * 10_000, "ก็" * 5_000, "\U00020000" * 10_000, "한" * 10_000,
     "".join(map(chr, range(0x4E00, 0x4E00 + 10_000))), "".join(map(chr, range(0x3300, 0x3358))) * 113,
     ("ก" + "่" * 99) * 100, "".join(chr(0x20000 + n) for n in range(10_000))],
)  # fmt: skip
def test_huge_prose_is_kept(api: Transport, administrator: User, text: str) -> None:
    task = TaskFactory(title="huge", description=text)
    assert by_tasks(api, administrator, text[:100]) == {"huge"}
    assert by_tasks(api, administrator, text[:200]) == {"huge"}
    Task.objects.filter(pk=task.pk).update(description="short")
    assert by_tasks(api, administrator, text[:100]) == set()


def test_a_row_that_sql_wrote_is_found(api: Transport, administrator: User) -> None:
    task = TaskFactory(title="before")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tasks_task SET title = 'बैठक' WHERE id = %s", [task.pk])
    assert by_tasks(api, administrator, "बैठक") == {"बैठक"}
    assert by_tasks(api, administrator, "before") == set()


def test_the_index_of_words_is_used_for_every_script(administrator: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for query in ("बैठक", "京", "🎉"):
            cursor.execute("EXPLAIN SELECT id FROM tasks_task WHERE search_words @@ core_search_pattern(%s)", [query])
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "tasks_words" in plan
            assert "core_search_pattern" not in plan, "the pattern is made once, not for each row"


@pytest.mark.parametrize(
    ("query", "pattern"),
    [
        ("東京都の", "'東京都':* & '京都の':*"), ("東京", "'東京':*"), ("京", "'京':*"), ("東京 京", "'東京':*"),
        ("ship hip", "'ship':* & 'hip':*"), ("京x", "'京':* & 'x':*"),
    ],
)  # fmt: skip
def test_pattern_omits_words_that_others_imply(db: None, query: str, pattern: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT core_search_pattern(%s) = %s::tsquery", [query, pattern])
        (same,) = cursor.fetchone()
        cursor.execute("SELECT core_search_pattern(%s)::text", [query])
        made = cursor.fetchone()[0]
    assert same or set(made.split(" & ")) == set(pattern.split(" & "))


@pytest.mark.parametrize("collation", ["POSIX", "default"])
@pytest.mark.parametrize("function", ["core_words", "core_sort_key"])
def test_the_collation_of_a_text_makes_no_difference(db: None, function: str, collation: str) -> None:
    with connection.cursor() as cursor:
        for title in TITLES:
            cursor.execute(f'SELECT {function}(%s COLLATE "{collation}")', [title])
            (given,) = cursor.fetchone()
            cursor.execute(f'SELECT {function}(%s COLLATE "C")', [title])
            assert cursor.fetchone() == (given,)
