import pytest

from emofuse.errors import TranscriptError
from emofuse.features.transcripts import Cue, read_transcript, split_sentences

SRT = "1\n00:00:01,000 --> 00:00:02,500\nHello there.\n\n2\n00:01:00,000 --> 01:00:00,250\nYou are\nlate!\n"


@pytest.fixture
def read(tmp_path):
    def read(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_transcript(path)

    return read


WANTED = (Cue("Hello there.", 1.0, 2.5, None), Cue("You are late!", 60.0, 3600.25, None))


@pytest.mark.parametrize(
    "content",
    [
        SRT,
        SRT.replace("\n", "\r\n"),
        "\ufeff" + SRT,
        SRT.encode("utf-16"),
        SRT.replace(",", "."),
        SRT.replace("1\n00:00", "00:00").replace("2\n00:01", "00:01"),
        SRT.replace("\n\n2", "\n2"),
        SRT.replace("00:00:01,000", "0:0:1,0").replace("-->", "  -->   "),
        SRT + "\n\n3\n00:02:00,000 --> 00:02:01,000\n\n",
    ],
    ids=["plain", "CRLF", "BOM", "UTF-16", "dots", "no index", "no blank line", "short", "empty cue"],
)
def test_subrip_as_it_is_found(read, content):
    assert read("a.srt", content) == (WANTED, ())


def test_webvtt_with_voices_settings_notes_and_tags(read):
    cues, warnings = read(
        "a.vtt",
        "WEBVTT - a title\n\nSTYLE\n::cue { color: red }\n\nNOTE nothing --> here\n\n"
        "intro\n00:01.000 --> 00:02.000 position:10% align:start\n"
        "<v.loud Mary Ann>Tom &amp; <i>you</i></v>\n\n"
        "00:02.000 --> 00:03.000\n<v Tom>I <00:02.500><c.x>won</c> 2 &lt; 3, I <3 you</v>\n\n"
        "00:03.000 --> 00:04.000\nnobody 😀\n",
    )
    assert warnings == ()
    assert cues == (
        Cue("Tom & you", 1.0, 2.0, "Mary Ann"),
        Cue("I won 2 < 3, I <3 you", 2.0, 3.0, "Tom"),
        Cue("nobody 😀", 3.0, 4.0, None),
    )


def test_names_before_the_words_of_cues_are_speakers(read):
    times = "00:00:0{0},000 --> 00:00:0{0},900\n"
    words = ["ROSS: Hi.", "- Rachel: What?", "(they laugh)"]
    cues, _ = read("a.srt", "\n\n".join(times.format(n) + text for n, text in enumerate(words)))
    assert [(cue.speaker, cue.text) for cue in cues] == [
        ("ROSS", "Hi."),
        ("Rachel", "What?"),
        (None, "(they laugh)"),
    ]


def test_cues_out_of_order_and_over_each_other(read):
    blocks = ["00:00:05,000 --> 00:00:06,000\nb", "00:00:01,000 --> 00:00:05,500\na"]
    cues, warnings = read("a.srt", "\n\n".join(blocks))
    assert [cue.text for cue in cues] == ["a", "b"]
    assert len(warnings) == 2 and "sorted" in warnings[0] and warnings[1].endswith(": 1")


def test_a_cue_that_ends_before_it_starts_is_dropped(read):
    cues, warnings = read("a.srt", SRT.replace("00:00:02,500", "00:00:00,500"))
    assert cues == WANTED[1:]
    assert len(warnings) == 1 and "line 2" in warnings[0]


def test_not_utf8_is_read_as_windows(read):
    cues, warnings = read("a.srt", SRT.replace("Hello there.", "Größe… “so”").encode("cp1252"))
    assert cues[0].text == "Größe… “so”"
    assert len(warnings) == 1 and "not UTF-8; read as Windows-1252" in warnings[0]


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("a.srt", "", "empty"),
        ("a.txt", " \n\n", "empty"),
        ("a.vtt", "WEBVTT\n\n", "no cue"),
        ("a.srt", "just words\n", "no cue"),
        ("a.srt", SRT.replace("00:01:00,000", "00:01:00:00"), r"a\.srt:6: found"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", r"a\.txt:\d: found binary"),
        ("a.txt", b"abc\xff\xfe\x00\x01" * 9, "binary"),
    ],
)
def test_what_cannot_be_read_is_an_error(read, name, content, where):
    with pytest.raises(TranscriptError, match=where) as caught:
        read(name, content)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "no.srt", tmp_path):
        with pytest.raises(TranscriptError, match=str(tmp_path)):
            read_transcript(path)


def test_plain_text_is_one_cue_a_sentence(read):
    cues, warnings = read("a.txt", "I am so glad. Really!\n\nThis line goes\non here. And Mr. X\n")
    assert [cue.text for cue in cues] == [
        "I am so glad.",
        "Really!",
        "This line goes on here.",
        "And Mr. X",
    ]
    assert all(cue[1:] == (None, None, None) for cue in cues) and warnings == ()


def test_plain_text_with_names_is_one_cue_a_line(read):
    cues, _ = read("a.txt", "Joey: How you doing? Good?\nDr. Green: Fine.\nand you\n\nJoey: Great!")
    assert [(cue.speaker, cue.text) for cue in cues] == [
        ("Joey", "How you doing? Good?"),
        ("Dr. Green", "Fine."),
        ("Dr. Green", "and you"),
        ("Joey", "Great!"),
    ]


def test_a_colon_now_and_then_names_nobody(read):
    cues, _ = read("a.txt", "I bought three things: tea, milk.\nThen I left.\nIt was late.")
    assert [cue.speaker for cue in cues] == [None] * 3 and cues[0].text.startswith("I bought three things:")


def test_subrip_under_another_name(read):
    assert read("a.txt", SRT)[0] == WANTED


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Mr. Smith met Dr. A. B. Jones. He was glad!", 2),
        ("We met at 5 p.m. on Monday. No way! this is fun.", 3),
        ("Pi is 3.14 today. Was it 12. Then more came.", 3),
        ("Das ist z. B. gut, d.h. super. Er kam am 3. Mai usw. Toll!", 3),
        ("Der 2. Versuch bzw. der dritte.", 1),
        ("“Stop!” he said. “Why?” Nobody knew.", 3),
        ("I... I don't know. Well… maybe", 2),
        ("今天很好。你呢？好！", 3),
        ("「もう嫌だ。」彼は言った。", 2),
        ("I won! 😍🎉 So glad 😀 really. :) Bye", 3),
        ("no mark at the end", 1),
        ("", 0),
        ("?!", 1),
    ],
)
def test_sentences(text, count):
    sentences = split_sentences(text)
    assert len(sentences) == count
    assert "".join(sentences).replace(" ", "") == text.replace(" ", "")


def test_emoji_stay_with_what_they_comment():
    assert split_sentences("I won! 😍🎉 So glad.") == ["I won! 😍🎉", "So glad."]
    assert split_sentences("Nice!❤️ Bye") == ["Nice!❤️", "Bye"]
