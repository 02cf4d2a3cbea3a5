"""Make the PDFs, the DOCX and the drawings of `examples/world` from the text and figures below.

The other documents of that folder are written by hand. Two runs of this script with the same versions of its
packages give the same bytes: dates are fixed, PDF streams are not compressed, and the drawings use the font
that comes with Pillow.

Run it from the root of the repository:

    python scripts/make_examples.py            # writes into examples/world
    python scripts/make_examples.py --to DIR   # writes somewhere else
"""

from __future__ import annotations

import argparse
import io
import math
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import docx
from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

__all__ = ["OUTPUTS", "main", "make"]

WORLD = Path(__file__).resolve().parent.parent / "examples" / "world"
STAMP = datetime(2025, 1, 1, tzinfo=UTC)

# --- Text of the PDFs and the DOCX --------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """One page: a heading and its paragraphs."""

    heading: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Booklet:
    """A PDF of several pages."""

    title: str
    imprint: str
    pages: tuple[Page, ...]


KEEPERS_MANUAL = Booklet(
    "Standing Orders for the Keepers of Skerrivane Light",
    "Harbour Board of Averrin, fourth edition, 1927",
    (
        Page(
            "1. Watches",
            (
                "Three keepers are on the rock at all times: the principal and two assistants. The night is "
                "divided into three watches, and no keeper shall stand two together unless another is ill, "
                "absent, or in the opinion of the principal no better than absent.",
                "The keeper of the watch shall not read, whittle, or play any instrument in the lantern "
                "room. The last of these orders dates from the time of Amos Fell and need not be explained "
                "to anyone who has heard a concertina in an iron dome.",
                "The watch diary is to be written up at every change. The diary kept by Isaac Marrick from "
                "1896 to 1925 is the pattern to be followed, save for the remarks on the Board.",
            ),
        ),
        Page(
            "2. The lamp and the lens",
            (
                "The lens, made by the Brothers Karsk and installed in 1881, weighs three and a quarter "
                "tons and turns in a bath of quicksilver, so that it may be moved with one finger. It shall "
                "be moved with one finger only when it has stopped.",
                "The driving clock is wound every four hours. Its weight descends the whole height of the "
                "tower and passes the door of each room; keepers are asked not to hang washing on it.",
                "Since 1919 the lamp has burned vaporised paraffin. The character of the light is two white "
                "flashes every fifteen seconds. Should the clock fail, the lens is to be turned by hand, "
                "one full turn to thirty seconds, until daylight; the record is eleven hours, by Bettany "
                "Fell, then assistant keeper, in the November of 1922.",
            ),
        ),
        Page(
            "3. The fog bell",
            (
                "The fog bell was cast by the foundry of Gamaliel Roake and hung in 1904. It weighs 612 "
                "kilograms and gives one stroke every twenty seconds. Its voice carries four miles against "
                "the wind and has been heard, on one still morning, at Tamsin Pier.",
                "The bell is begun when Quern Holm can no longer be seen, and kept going for half an hour "
                "after it can. The clockwork striker came second-hand from the workshop in Chandler's Row; "
                "there are no spare parts for it anywhere, and it must be oiled as if there were none.",
                "The copper pan hanging in the store is not to be used for cooking. It is the fog signal "
                "that served before the bell.",
            ),
        ),
        Page(
            "4. Signals, relief and stores",
            (
                "A wreck is to be reported by telegraph to the harbour office. The three tar barrels on "
                "Gannet Head are kept in readiness nevertheless, the cable having parted in 1909 and again "
                "in 1921.",
                "The relief comes by the Kittiwake every second Tuesday. When she cannot land, stores are "
                "floated in on a line from the lee of the Anvils; flour should then be asked for in tins.",
                "Oil is reckoned at nine gallons a night in winter and four in summer. The goat belongs to "
                "the principal keeper by custom and to the Harbour Board by law.",
            ),
        ),
    ),
)

AVERRIN_ON_FOOT = Booklet(
    "Averrin on Foot: Three Walks for Visitors",
    "Published for the town by the Averrin Tidings, 1938",
    (
        Page(
            "First walk: the two quays",
            (
                "Begin under the Tide Clock on the Guildhall and note which way it is going. Inside, if a "
                "wedding is not in progress, ask to see the council chamber, where Delphine Trewarne's "
                "picture of the wreck takes up the whole of the north wall.",
                "Go down Lantern Street. A brass line on the corner of the Customs House shows how high the "
                "water stood in 1921. The figure on the roof is not Justice but Mrs Gaunt, wife of the "
                "customs officer, who paid for the repairs.",
                "On Herring Quay stands a barrel of bronze. It marks the place from which Constance Dask "
                "asked for a lifeboat, and children are allowed to climb on it.",
            ),
        ),
        Page(
            "Second walk: Slipgate and the Surge Bridge",
            (
                "From Salt Quay follow the river past the gates of Penhallick's Yard, closed these five "
                "years. The slip is now used by the Averrin Rowing Club, whose boathouse is the yard's old "
                "steam-box, and by swimmers, who ought not to.",
                "At the public house called the Wheel the visitor may turn the wheel of the Lady Aldous, "
                "once, for luck. The painted board above the bar shows every landlord since the first, one "
                "name having been scratched out by his sister.",
                "The Surge Bridge has five spans and a total length of 204 metres. A plate on the third "
                "pier reads: THE TUG IS STILL IN HERE. It was put up by the engineer, Konrad Vane, and the "
                "council has never decided whether to remove it.",
            ),
        ),
        Page(
            "Third walk: across the Strand to Saint Orlo",
            (
                "Consult the tide table, then consult somebody else. The crossing takes thirty-five minutes "
                "and is marked with poles; the fourth has a cage at the top in which the late, the proud "
                "and the newly married have sat out many a tide.",
                "In the church are the organ on which Lucetta Harrow taught half the county, and the crypt "
                "in which the sexton, Hob Tansy, imprisoned a figurehead.",
                "Chapel Mound, at eighteen metres, is the summit. From it the light on Hesk may be seen on "
                "a clear evening: two flashes, and a silence.",
            ),
        ),
    ),
)

MINUTES_TITLE = "Harbour Board of Averrin: minutes of 10 March 1903"
MINUTES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Present",
        (
            "Miss Philippa Oskeld, mayor, in the chair; Mr Barnaby Quillan; Miss Rosamund Penhallick; Mr "
            "Tobias Dask; the two members for the Lorrow Islands, Mr Magnus Sorley and Mr Abel Fell; the "
            "clerk, Mr Ephraim Tansy.",
        ),
    ),
    (
        "1. Fog bell for Skerrivane",
        (
            "The letter of the principal keeper, dated 19 January, was read. Mr Fell, who had heard the "
            "copper pan, spoke in favour. It was resolved without a vote that a bell be ordered from the "
            "foundry of Gamaliel Roake at a price of 480 crowns, and hung in the following spring.",
        ),
    ),
    (
        "2. Schedule of tolls",
        (
            "The new schedule was signed by the chairman. The lifeboat was exempted for ever, on the motion "
            "of Mr Quillan; Mr Dask, being the lifeboat, did not vote.",
        ),
    ),
    (
        "3. Berth for the Steam Packet Company, and tenders for its ferry",
        (
            "Mr Quillan reported for the Company and asked for berth 9 on Salt Quay, which was granted at 60 "
            "crowns a year. He laid on the table, for information, the three tenders received for the ferry. "
            "Miss Penhallick left the room, and could be heard walking up and down outside it.",
        ),
    ),
)
TENDERS = (
    ("Yard", "Tender in crowns", "Delivery in months"),
    ("Penhallick's Yard", "14,200", "16"),
    ("Sorley & Daughters", "15,050", "14"),
    ("Hathersedge's Boatyard", "16,400", "20"),
)


def make_pdf(booklet: Booklet) -> bytes:
    """Set a booklet in Times, one heading to a page, with page numbers at the foot."""
    pdf = FPDF(format=(128, 172))
    pdf.set_compression(False)
    pdf.set_creation_date(STAMP)
    pdf.set_producer("make_examples.py")
    pdf.set_title(booklet.title)
    pdf.set_margins(15, 16, 15)
    pdf.set_auto_page_break(True, margin=18)
    for number, page in enumerate(booklet.pages, start=1):
        pdf.add_page()
        if number == 1:
            pdf.set_font("Times", "B", 16)
            pdf.multi_cell(0, 8, booklet.title, align="C", new_x="LMARGIN", new_y="NEXT")
            pdf.ln(2)
            pdf.set_font("Times", "I", 10)
            pdf.multi_cell(0, 5, booklet.imprint, align="C", new_x="LMARGIN", new_y="NEXT")
            pdf.ln(3)
            pdf.line(46, pdf.get_y(), 82, pdf.get_y())
            pdf.ln(5)
        pdf.set_font("Times", "B", 13)
        pdf.multi_cell(0, 7, page.heading, align="L", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(1.5)
        pdf.set_font("Times", "", 11.5)
        for paragraph in page.paragraphs:
            pdf.multi_cell(0, 5.6, paragraph, align="L", new_x="LMARGIN", new_y="NEXT")
            pdf.ln(2.4)
        pdf.set_auto_page_break(False)
        pdf.set_y(-14)
        pdf.set_font("Times", "I", 9)
        pdf.cell(0, 5, str(number), align="C")
        pdf.set_auto_page_break(True, margin=18)
    return bytes(pdf.output())


def make_minutes() -> bytes:
    """Write the minutes as DOCX, with headings and one table."""
    document = docx.Document()
    document.core_properties.title = MINUTES_TITLE
    document.core_properties.author = "Harbour Board of Averrin"
    document.core_properties.created = STAMP
    document.core_properties.modified = STAMP
    document.add_heading(MINUTES_TITLE, level=1)
    for heading, paragraphs in MINUTES:
        document.add_heading(heading, level=2)
        for paragraph in paragraphs:
            document.add_paragraph(paragraph)
    table = document.add_table(rows=0, cols=len(TENDERS[0]))
    table.style = "Table Grid"
    for row in TENDERS:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.add_paragraph("The Board rose at high water.")
    raw = io.BytesIO()
    document.save(raw)
    return _with_fixed_dates(raw)


def _with_fixed_dates(archive: io.BytesIO) -> bytes:
    """Copy a zip archive with one date for every member, so that equal content gives equal bytes."""
    copy = io.BytesIO()
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            info = zipfile.ZipInfo(name, date_time=STAMP.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, source.read(name))
    return copy.getvalue()


# --- Drawings -----------------------------------------------------------------------------------------------

PAPER, INK, FAINT = "#f7f2e6", "#22304a", "#8b8fa0"
SEA, LAND, COAST = "#bcd6de", "#e3d7ae", "#8a7a4e"
GOLD, RED, WHITE = "#d9a52e", "#b4432f", "#ffffff"
SCALE = 2  # drawn twice as large and reduced, for smooth edges

CATCHES = ((1925, 4200), (1926, 5100), (1927, 6350), (1928, 3900), (1929, 2700), (1930, 3300))

XY = tuple[float, float]


class Sheet:
    """A sheet of paper in its own units, drawn at `SCALE` and reduced when it is finished."""

    def __init__(self, width: int, height: int, colour: str = PAPER) -> None:
        self.width, self.height = width, height
        self.image = Image.new("RGB", (width * SCALE, height * SCALE), colour)
        self.draw = ImageDraw.Draw(self.image)

    def polygon(self, points: Sequence[XY], fill: str, outline: str | None = None, width: int = 2) -> None:
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self.draw.polygon(scaled, fill=fill)
        if outline:
            self.draw.line([*scaled, scaled[0]], fill=outline, width=width * SCALE, joint="curve")

    def line(self, points: Sequence[XY], fill: str = INK, width: float = 2) -> None:
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self.draw.line(scaled, fill=fill, width=round(width * SCALE), joint="curve")

    def dashes(self, start: XY, end: XY, fill: str, *, dash: float = 9, width: float = 2) -> None:
        length = math.dist(start, end)
        for position in range(0, int(length), int(dash * 2)):
            a, b = position / length, min(1.0, (position + dash) / length)
            self.line([_between(start, end, a), _between(start, end, b)], fill, width)

    def box(
        self, corner: XY, other: XY, fill: str | None, outline: str | None = None, round_: int = 0
    ) -> None:
        x, y = corner
        u, v = other
        area = (x * SCALE, y * SCALE, u * SCALE, v * SCALE)
        self.draw.rounded_rectangle(area, round_ * SCALE, fill=fill, outline=outline, width=2 * SCALE)

    def disc(self, centre: XY, radius: float, fill: str, outline: str | None = None) -> None:
        x, y = centre
        area = tuple(value * SCALE for value in (x - radius, y - radius, x + radius, y + radius))
        self.draw.ellipse(area, fill=fill, outline=outline, width=2 * SCALE)

    def text(self, at: XY, words: str, size: float, fill: str = INK, anchor: str = "mm") -> None:
        font = ImageFont.load_default(size * SCALE)
        self.draw.text((at[0] * SCALE, at[1] * SCALE), words, fill=fill, font=font, anchor=anchor)

    def png(self) -> bytes:
        raw = io.BytesIO()
        reduced = self.image.resize((self.width, self.height), Image.Resampling.LANCZOS)
        reduced.save(raw, "PNG", optimize=True)
        return raw.getvalue()


def _between(start: XY, end: XY, share: float) -> XY:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _island(centre: XY, radii: XY, lumps: tuple[float, float, float], points: int = 60) -> list[XY]:
    """A coast line: an ellipse whose radius wavers, the same way each time."""
    a, b, c = lumps
    coast = []
    for step in range(points):
        angle = 2 * math.pi * step / points
        waver = (
            1
            + 0.10 * math.sin(2 * angle + a)
            + 0.06 * math.sin(3 * angle + b)
            + 0.03 * math.sin(7 * angle + c)
        )
        coast.append(
            (centre[0] + radii[0] * waver * math.cos(angle), centre[1] + radii[1] * waver * math.sin(angle))
        )
    return coast


def draw_map() -> bytes:
    """The coast and the islands, with the cable of 1874."""
    sheet = Sheet(1000, 640, SEA)
    for y in range(40, 640, 46):
        for x in range(330 + (y // 46 % 2) * 40, 1000, 150):
            sheet.line([(x, y), (x + 8, y - 4), (x + 16, y), (x + 24, y - 4), (x + 32, y)], "#a5c5d0", 1.5)
    mainland = [(0, 0), (235, 0), (250, 50), (222, 105), (238, 170), (205, 235), (214, 300), (188, 348)]
    mainland += [(196, 392), (222, 440), (212, 505), (240, 560), (228, 640), (0, 640)]
    sheet.polygon(mainland, LAND, COAST, 3)
    sheet.line([(0, 452), (60, 430), (105, 396), (150, 388), (193, 370)], SEA, 9)
    sheet.line([(20, 445), (30, 470), (24, 500)], SEA, 3)
    sheet.text((142, 424), "R. Marle", 15, COAST)
    islands: tuple[tuple[XY, XY, tuple[float, float, float]], ...] = (
        ((272, 372), (15, 11), (0.4, 1.0, 2.0)),
        ((432, 470), (36, 32), (1.1, 0.2, 4.0)),
        ((600, 300), (104, 76), (0.3, 2.2, 1.0)),
        ((742, 232), (30, 27), (2.0, 0.3, 3.0)),
        ((875, 470), (42, 58), (0.9, 1.7, 0.5)),
    )
    sheet.dashes((190, 356), (520, 318), RED)
    for centre, radii, lumps in islands:
        sheet.polygon(_island(centre, radii, lumps), LAND, COAST, 2)
    for at, words, size in (
        ((108, 338), "AVERRIN", 22),
        ((120, 62), "COLD FERRIS", 20),
        ((285, 404), "Saint Orlo", 15),
        ((432, 518), "Quern Holm", 16),
        ((600, 306), "GREAT TAMSIN", 20),
        ((760, 192), "Little Tamsin", 16),
        ((872, 462), "HESK", 20),
    ):
        sheet.text(at, words, size)
    sheet.text((742, 278), "Half Sound", 13, "#4f7d92", "lm")
    sheet.text((640, 560), "V E L L I S H   S E A", 26, "#6d97a6")
    sheet.disc((186, 356), 6, RED, INK)
    sheet.disc((216, 84), 6, RED, INK)
    sheet.polygon([(612, 268), (620, 254), (628, 268)], COAST)
    sheet.text((620, 281), "Beacon Law 211 m", 12)
    sheet.text((528, 332), "Ropewalk Bay", 12, INK, "lm")
    sheet.disc((520, 318), 4, RED)
    sheet.text((360, 322), "telegraph cable 1874", 13, RED)
    sheet.polygon([(880, 521), (890, 521), (888, 494), (882, 494)], WHITE, INK, 1)
    sheet.disc((885, 491), 6, GOLD, INK)
    sheet.text((826, 512), "Skerrivane Light", 14, INK, "rm")
    for x in (862, 880, 898):
        sheet.line([(x - 5, 551), (x + 5, 561)], INK, 2)
        sheet.line([(x - 5, 561), (x + 5, 551)], INK, 2)
    sheet.text((880, 576), "Anvil Rocks", 14)
    north = (935, 90)
    sheet.disc(north, 34, PAPER, INK)
    sheet.polygon([(935, 60), (944, 92), (926, 92)], RED)
    sheet.polygon([(935, 120), (944, 90), (926, 90)], INK)
    sheet.text((935, 44), "N", 18)
    sheet.box((400, 26), (860, 96), PAPER, INK, 6)
    sheet.text((630, 52), "Averrin and the Lorrow Islands", 26)
    sheet.text((630, 80), "Harbour Board chart no. 4, corrected to 1925", 14, FAINT)
    sheet.text((355, 612), "a sketch, not to scale", 14, "#6d97a6")
    return sheet.png()


def draw_flag() -> bytes:
    """The town's flag: blue field, white wave, gold lantern with seven rays."""
    sheet = Sheet(900, 600, "#1d3a6b")
    wave = [(x, 492 + 22 * math.sin(x / 900 * 6 * math.pi)) for x in range(0, 901, 6)]
    sheet.polygon([*wave, *[(x, y + 52) for x, y in reversed(wave)]], WHITE)
    for ray in range(7):
        angle = math.radians(180 + 18 + ray * 24)
        inner, outer = (450 + 128 * math.cos(angle), 262 + 128 * math.sin(angle)), 0.0
        outer = 205 if ray % 2 == 0 else 188
        tip = (450 + outer * math.cos(angle), 262 + outer * math.sin(angle))
        sheet.line([inner, tip], GOLD, 13)
    sheet.draw.arc([410 * SCALE, 120 * SCALE, 490 * SCALE, 210 * SCALE], 180, 360, fill=GOLD, width=9 * SCALE)
    sheet.polygon([(392, 206), (508, 206), (486, 166), (414, 166)], GOLD)
    sheet.polygon([(398, 214), (502, 214), (518, 352), (382, 352)], GOLD)
    sheet.polygon([(412, 228), (488, 228), (500, 340), (400, 340)], "#fff3cf")
    sheet.line([(450, 228), (450, 340)], GOLD, 8)
    sheet.line([(405, 284), (495, 284)], GOLD, 8)
    sheet.polygon([(370, 362), (530, 362), (514, 394), (386, 394)], GOLD)
    return sheet.png()


def draw_catches() -> bytes:
    """A bar chart of herring landed, with a number on every bar."""
    sheet = Sheet(900, 560)
    sheet.text((450, 42), "Herring landed at Averrin, 1925 to 1930", 26)
    sheet.text((450, 74), "in crans; counted on Herring Quay by the Harbour Board", 15, FAINT)
    left, floor, top = 110.0, 480.0, 120.0
    per_cran = (floor - top) / 7000
    for mark in range(0, 7001, 1000):
        y = floor - mark * per_cran
        sheet.line([(left, y), (850, y)], "#d9d2c0", 1)
        sheet.text((left - 12, y), f"{mark:,}", 14, FAINT, "rm")
    best = max(crans for _, crans in CATCHES)
    for place, (year, crans) in enumerate(CATCHES):
        x = left + 32 + place * 120
        y = floor - crans * per_cran
        sheet.box((x, y), (x + 76, floor), RED if crans == best else "#4f7d92")
        sheet.text((x + 38, y - 15), f"{crans:,}", 17)
        sheet.text((x + 38, floor + 22), str(year), 17)
    sheet.line([(left, floor), (850, floor)], INK, 2)
    sheet.text((450, 535), "1927: the best season in living memory", 15, RED)
    return sheet.png()


def draw_lighthouse() -> bytes:
    """Skerrivane Light beside a scale in metres."""
    sheet = Sheet(640, 860)
    sheet.text((320, 40), "Skerrivane Light", 30)
    sheet.text((320, 74), "designed by Augusta Thorne, first lit 1 November 1856", 14, FAINT)
    floor, per_metre = 760.0, 16.0

    def height(metres: float) -> float:
        return floor - metres * per_metre

    sheet.polygon(
        [(0, 860), (0, 800), (90, 770), (170, 762), (470, 762), (560, 776), (640, 812), (640, 860)], "#7d7484"
    )
    sheet.polygon(
        [(232, floor + 4), (408, floor + 4), (366, height(33)), (274, height(33))], "#e2b3a5", INK, 2
    )
    for course in range(3, 33, 3):
        lean = (408 - 366) / 33 * course
        sheet.line([(234 + lean, height(course)), (406 - lean, height(course))], "#c98f80", 1.5)
    for window in (6, 14, 22, 29):
        sheet.box((312, height(window + 1.5)), (328, height(window)), INK, None, 4)
    sheet.box((298, height(3.4)), (342, floor + 3), "#5b3a2e", INK, 4)
    sheet.box((258, height(34)), (382, height(33)), INK)
    sheet.box((282, height(36.4)), (358, height(34)), "#fff0bf", INK)
    for x in (301, 320, 339):
        sheet.line([(x, height(36.4)), (x, height(34))], INK, 2)
    sheet.disc((320, height(35.2)), 11, GOLD)
    sheet.polygon([(276, height(36.4)), (364, height(36.4)), (320, height(38))], RED, INK, 2)
    for side in (-1, 1):
        edge = 320 + side * 46
        sheet.polygon(
            [(edge, height(35.2)), (320 + side * 250, height(36.6)), (320 + side * 250, height(33.8))],
            "#fbe6a8",
        )
    sheet.line([(394, height(9)), (426, height(9))], INK, 3)
    sheet.polygon(
        [(412, height(9) + 2), (440, height(9) + 2), (447, height(9) + 30), (405, height(9) + 30)], GOLD, INK
    )
    sheet.text((456, height(9) + 18), "fog bell, 1904", 15, INK, "lm")
    sheet.text((456, height(9) + 37), "9 m above the rock", 13, FAINT, "lm")
    sheet.text((420, height(32.6)), "lantern room, 34 m", 15, INK, "lm")
    sheet.text((420, height(20)), "184 steps", 18, INK, "lm")
    sheet.text((420, height(18.6)), "pink granite of Quern Holm", 13, FAINT, "lm")
    sheet.line([(110, floor), (110, height(38))], INK, 2)
    for metres in (0, 10, 20, 30, 38):
        sheet.line([(102, height(metres)), (118, height(metres))], INK, 2)
        sheet.text((94, height(metres)), f"{metres} m", 15, INK, "rm")
    sheet.text((320, 822), "Two white flashes every 15 seconds, seen for 19 miles", 17, PAPER)
    return sheet.png()


def draw_ferry_sign() -> bytes:
    """The enamel sign on Salt Quay."""
    sheet = Sheet(900, 560, "#d9d4c7")
    sheet.box((24, 24), (876, 536), "#16335c", WHITE, 22)
    sheet.box((38, 38), (862, 522), None, WHITE, 16)
    sheet.text((450, 84), "LORROW ISLANDS STEAM PACKET COMPANY", 29, WHITE)
    sheet.text((450, 122), "Salt Quay, Averrin", 20, GOLD)
    sheet.line([(90, 150), (810, 150)], GOLD, 2)
    for y, berth, ship, where, when in (
        (215, "9", "GREY HERON", "to Great Tamsin", "08:15    13:00    17:40"),
        (345, "10", "KITTIWAKE", "to Saint Orlo and Hesk", "Tue   Thu   Sat   09:00"),
    ):
        sheet.disc((135, y + 14), 44, GOLD)
        sheet.text((135, y + 2), "BERTH", 13, "#16335c")
        sheet.text((135, y + 27), berth, 32, "#16335c")
        sheet.text((215, y - 6), ship, 30, WHITE, "lm")
        sheet.text((215, y + 34), where, 21, WHITE, "lm")
        sheet.text((815, y + 14), when, 25, GOLD, "rm")
    sheet.box((230, 436), (670, 494), RED, WHITE, 8)
    sheet.text((450, 465), "NO SHEEP IN THE SALOON", 26, WHITE)
    for x, y in ((58, 58), (842, 58), (58, 502), (842, 502)):
        sheet.disc((x, y), 6, "#c9c9c9", "#777777")
    return sheet.png()


# --- Door ---------------------------------------------------------------------------------------------------

OUTPUTS: dict[str, Callable[[], bytes]] = {
    "manuals/keepers-standing-orders.pdf": lambda: make_pdf(KEEPERS_MANUAL),
    "guides/averrin-on-foot.pdf": lambda: make_pdf(AVERRIN_ON_FOOT),
    "minutes/harbour-board-1903-03.docx": make_minutes,
    "drawings/map.png": draw_map,
    "drawings/flag.png": draw_flag,
    "drawings/catches.png": draw_catches,
    "drawings/lighthouse.png": draw_lighthouse,
    "drawings/ferry-sign.png": draw_ferry_sign,
}


def make(folder: Path) -> list[Path]:
    """Write every generated document of the example world under `folder`, and return their paths."""
    written = []
    for name, content in OUTPUTS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content())
        written.append(path)
    return written


def main() -> None:
    """Write the generated documents and say where they are."""
    parser = argparse.ArgumentParser(
        description="Make the PDFs, the DOCX and the drawings of the example world."
    )
    parser.add_argument(
        "--to", type=Path, default=WORLD, help="folder to write into (default: examples/world)"
    )
    for path in make(parser.parse_args().to):
        print(f"{path.stat().st_size:>8,}  {path}")


if __name__ == "__main__":
    main()
