import pytest

from builder.core.errors import RecipeError
from builder.gobuild.diff import FileDiff, Hunk, parse_diff, split_lines
from builder.gobuild.hunks import apply_hunks

DIFF = """\
example: say something else

Words about why, with a - in them.
diff --git a/a.go b/a.go
index 1..2 100644
--- a/a.go\t2026-01-01 00:00:00
+++ b/a.go\t2026-01-02 00:00:00
@@ -1,3 +1,3 @@ func a
 one
-two
+TWO
 three
@@ -7 +7,2 @@
 seven
+eight
--- a/old.go
+++ /dev/null
@@ -1,2 +0,0 @@
-package old
-
--- /dev/null
+++ b/new.go
@@ -0,0 +1 @@
+package new
\\ No newline at end of file
-- \n2.39.5
"""
LINES = [f"{name}\n" for name in ("one", "two", "three", "four", "five", "six", "seven")]


def one(text: str) -> FileDiff:
    (change,) = parse_diff(text, "x.patch")
    return change


def change_of(*rows: str, start: int = 1) -> Hunk:
    old, new = (sum(row[0] in signs for row in rows) for signs in ("- ", "+ "))
    text = f"--- a/f\n+++ b/f\n@@ -{start},{old} +{start},{new} @@\n" + "".join(f"{row}\n" for row in rows)
    return one(text).hunks[0]


def test_a_diff_is_read_with_its_lines() -> None:
    changed, removed, made = parse_diff(DIFF, "x.patch")
    assert changed == FileDiff(
        line=6,
        target="a.go",
        creates=False,
        deletes=False,
        hunks=(
            Hunk(line=8, start=1, old=("one\n", "two\n", "three\n"), new=("one\n", "TWO\n", "three\n")),
            Hunk(line=13, start=7, old=("seven\n",), new=("seven\n", "eight\n")),
        ),
    )
    assert (removed.target, removed.deletes, removed.hunks[0].old) == ("old.go", True, ("package old\n", "\n"))
    assert (made.target, made.creates, made.hunks[0].new) == ("new.go", True, ("package new",))


def test_an_editor_may_cut_the_blank_of_an_empty_line() -> None:
    hunk = one("--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n\n-a\n+b\n").hunks[0]
    assert (hunk.old, hunk.new) == (("\n", "a\n"), ("\n", "b\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.patch: there is no change in it"),
        ("only words\n", "x.patch: there is no change in it"),
        ("--- a/f\n+++ b/f\n", "x.patch:1: no hunk for f"),
        ("@@ -1 +1 @@\n-a\n+b\n", "x.patch:1: a hunk that belongs to no file"),
        ("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n@@ -9 +9 @\n-c\n+d\n", "x.patch:6: not the header of a hunk"),
        (
            "--- a/f\n+++ b/f\n@@ -1,2 +1 @@\n-a\n+b\n",
            "x.patch:3: the hunk says 2 old and 1 new lines, but has 1 and 1",
        ),
        ("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n+c\n", "x.patch:6: the hunk before has more lines"),
        ("--- a/f\n+++ b/g\n@@ -1 +1 @@\n-a\n+b\n", "x.patch:1: it renames f to g"),
        ("--- a/../f\n+++ b/../f\n@@ -1 +1 @@\n-a\n+b\n", "x.patch:1: ../f is no path in a module"),
        ("--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", "x.patch:1: /etc/passwd is no path in a module"),
        ('--- "a/f"\n+++ "b/f"\n@@ -1 +1 @@\n-a\n+b\n', "x.patch:1: a path in quotes"),
        ("diff --git a/f b/f\nGIT binary patch\n", "x.patch:2: a change that is not one of lines"),
        ("diff --git a/f b/g\nrename from f\n", "x.patch:2: a change that is not one of lines"),
        ("old mode 100644\nnew mode 100755\n", "x.patch:1: a change that is not one of lines"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_line(text: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_diff(text, "x.patch")
    assert caught.value.brief.startswith(message)


def test_every_cut_of_a_diff_is_refused_or_read() -> None:
    for length in range(len(DIFF)):
        try:
            parse_diff(DIFF[:length], "x.patch")
        except RecipeError:
            continue


def test_hunks_are_applied_in_their_places() -> None:
    applied = apply_hunks(LINES, one(DIFF.split("--- a/old.go", maxsplit=1)[0]).hunks)
    assert applied.lines == ("one\n", "TWO\n", *LINES[2:], "eight\n")
    assert (applied.moved, applied.misfits) == ({}, ())


def test_a_hunk_may_lie_elsewhere_if_that_is_one_place() -> None:
    applied = apply_hunks(["new\n", "new\n", *LINES], [change_of(" two", "-three", "+3", start=2)])
    assert applied.lines == ("new\n", "new\n", "one\n", "two\n", "3\n", *LINES[3:])
    assert list(applied.moved.values()) == [2]


def test_a_hunk_whose_place_is_not_clear_fits_nowhere() -> None:
    lines = ["a\n", "x\n", "b\n", "x\n"]
    applied = apply_hunks(lines, [change_of("-x", "+y", start=1)])
    (misfit,) = applied.misfits
    assert misfit.shown == ("not there, and elsewhere more than once: at lines 2, 4",)
    assert applied.lines == tuple(lines)
    stated = apply_hunks(lines, [change_of("-x", "+y", start=4)])
    assert stated.lines == ("a\n", "x\n", "b\n", "y\n")


def test_hunks_do_not_overtake_each_other() -> None:
    later, earlier = change_of("-six", "+6", start=6), change_of("-two", "+2", start=2)
    (misfit,) = apply_hunks(LINES, [later, earlier]).misfits
    assert misfit.hunk == earlier
    assert misfit.shown == ("it fits line 2, which is before or inside of a hunk above it",)


def test_an_insertion_without_a_place_fits_nowhere() -> None:
    hunk = one("--- a/f\n+++ b/f\n@@ -2,0 +3 @@\n+x\n").hunks[0]
    (misfit,) = apply_hunks(LINES, [hunk]).misfits
    assert "shows none around them" in misfit.shown[0]


def test_a_misfit_shows_what_is_expected_and_what_is_there() -> None:
    hunk = change_of(" two", " three", "-FOUR", "+4", " five", start=9)
    (misfit,) = apply_hunks(LINES, [hunk]).misfits
    assert misfit.at == 2
    assert misfit.shown == (
        "     3             three",
        "     4  expected:  FOUR",
        "        found:     four",
        "     5             five",
    )


def test_white_space_that_differs_is_made_visible() -> None:
    (misfit,) = apply_hunks(["a\r\n", "b \n", "c"], [change_of("-a", "-b\t", "-c", "+d")]).misfits
    assert misfit.shown == (
        "     1  expected:  a",
        "        found:     a\\r",
        "     2  expected:  b→",
        "        found:     b·",
        "     3  expected:  c",
        "        found:     c (without a line feed)",
    )


def test_many_differences_are_not_all_shown() -> None:
    hunk = change_of(*(f"-{number}" for number in range(9)), "+x")
    (misfit,) = apply_hunks(LINES, [hunk]).misfits
    assert len(misfit.shown) == 7
    assert misfit.shown[-1] == "        and 6 more lines"


def test_a_hunk_beyond_the_end_of_the_file() -> None:
    (misfit,) = apply_hunks(["one\n"], [change_of(" one", "-two", "+2")]).misfits
    assert misfit.shown[-1] == "        found:     the end of the file"


def test_only_a_line_feed_ends_a_line() -> None:
    assert split_lines("a\x0cb\r\nc\u2028d") == ["a\x0cb\r\n", "c\u2028d"]
