"""Boot loaders that a board would refuse are told, and told why."""

import pytest

from builder.image.loaders import LoaderCheck, loader_problems
from tests.unit.boards.material import egon, fdt, fit, legacy, omap

CONTENT = bytes(range(200))
GOOD = {
    LoaderCheck.EGON: [egon(legacy(CONTENT)), egon(fit(CONTENT))],
    LoaderCheck.OMAP: [omap(4000)],
    LoaderCheck.UBOOT: [legacy(CONTENT), fit(CONTENT, CONTENT[:7]), legacy(CONTENT) + b"behind it"],
}
BAD = [
    (LoaderCheck.EGON, b"\0" * 4096, "no SPL for Allwinner's boot ROM"),
    (LoaderCheck.EGON, egon(legacy(CONTENT))[:4096], "its SPL says that it has 24576 bytes, of 4096 in the file"),
    (LoaderCheck.EGON, egon(legacy(CONTENT))[: 32 << 10], "it is cut: it has 32768 bytes"),
    (LoaderCheck.EGON, egon(b"nothing here"), "no image of U-Boot where its first stage looks for one"),
    (LoaderCheck.ROCKCHIP, b"\0" * 4096, "no loader for Rockchip's boot ROM"),
    (LoaderCheck.OMAP, b"\0" * 4096, "no MLO for TI's boot ROM"),
    (LoaderCheck.OMAP, omap(1 << 20), "its header promises 1048576 bytes of code"),
    (LoaderCheck.OMAP, omap(4000, address=0x80000000), "its code wants to lie at 0x80000000"),
    (LoaderCheck.UBOOT, b"\0" * 4096, "no image of U-Boot"),
    (LoaderCheck.UBOOT, legacy(CONTENT)[:-1], "U-Boot's image is cut: 199 of 200 bytes"),
    (LoaderCheck.UBOOT, fit(CONTENT)[:-1], "U-Boot's image is cut: 199 of the 200 bytes of part-0"),
    (LoaderCheck.UBOOT, fdt({"images": {}}), "U-Boot's image holds no images"),
]


@pytest.mark.parametrize(("check", "data"), [(check, data) for check, files in GOOD.items() for data in files])
def test_good_ones_have_no_problems(check: LoaderCheck, data: bytes) -> None:
    assert loader_problems(check, data) == []


@pytest.mark.parametrize(("check", "data", "told"), BAD)
def test_what_is_wrong_is_told(check: LoaderCheck, data: bytes, told: str) -> None:
    (problem,) = loader_problems(check, data)
    assert told in problem


@pytest.mark.parametrize(
    ("check", "data", "place", "told"),
    [
        (LoaderCheck.EGON, egon(legacy(CONTENT)), 400, "the checksum of its SPL"),
        (LoaderCheck.EGON, egon(legacy(CONTENT)), -1, "the checksum of U-Boot's image is wrong"),
        (LoaderCheck.UBOOT, legacy(CONTENT), 20, "the checksum of the header of U-Boot's image is wrong"),
        (LoaderCheck.UBOOT, fit(CONTENT, CONTENT), -1, "the checksum of part-1 in U-Boot's image is wrong"),
    ],
)
def test_a_single_bit_is_found(check: LoaderCheck, data: bytes, place: int, told: str) -> None:
    damaged = bytearray(data)
    damaged[place] ^= 1
    (problem,) = loader_problems(check, bytes(damaged))
    assert told in problem


@pytest.mark.parametrize("check", LoaderCheck)
def test_an_empty_file_is_told(check: LoaderCheck) -> None:
    assert len(loader_problems(check, b"")) == 1
