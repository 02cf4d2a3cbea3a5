"""Closed word lists of English that questions are understood with; data only."""

from __future__ import annotations

from typing import Final, Literal

from kedge.agents.extractive.lexicon import COUNTRY_OF_DEMONYM, word_set

__all__ = [
    "COMPARATIVES",
    "COUNTRIES",
    "CURRENCIES",
    "DIMENSIONS",
    "EXPECTATIONS",
    "GENERIC",
    "KIN_IN_STEPS",
    "MEASURES",
    "NEGATIONS",
    "REFERRING",
    "RELATIONAL",
    "RELATIONS",
    "VEHICLES",
    "Expects",
]

Expects = Literal["person", "place", "country", "date", "number", "name", "phrase", "yes-no"]


def _index(groups: dict[str, str]) -> dict[str, str]:
    return {word: name for name, words in groups.items() for word in words.split()}


# What a question's focus noun ("which director", "what is the capital of") says about the answer.
EXPECTATIONS: Final[dict[str, str]] = _index(
    {
        "person": """person man woman boy girl actor actress author writer novelist poet playwright journalist
            director producer composer singer musician artist painter sculptor architect engineer inventor
            scientist physicist chemist mathematician philosopher economist historian explorer president
            minister premier chancellor king queen emperor prince princess duke duchess earl count baron pope
            bishop general admiral captain leader founder creator owner manager coach player footballer driver
            presenter host performer star teacher student doctor nurse lawyer judge politician senator
            governor mayor father mother parent son daughter child brother sister sibling husband wife spouse
            partner
            uncle aunt cousin nephew niece grandfather grandmother grandson granddaughter character hero
            chairman chairwoman chair editor designer narrator guitarist drummer bassist vocalist rapper
            successor predecessor winner victim killer keeper secretary ruler monarch chief commander""",
        "place": """place location city town village capital county state province region district area island
            continent river lake mountain sea ocean port harbour harbor street road neighborhood neighbourhood
            suburb country nation birthplace hometown seat headquarters venue stadium park cemetery site
            destination territory peninsula valley desert""",
        "country": "nationality citizenship",
        "date": "date year day month century decade birthday time hour season era weekday anniversary",
        "number": """number population percentage percent amount age price cost distance height length width
            depth weight size area total rate score speed temperature capacity duration salary fee rent budget
            count quantity share""",
        "name": """company corporation firm organisation organization university college school institute team
            club band group label yard firm business workshop foundry mill newspaper magazine journal book
            novel poem play song album film movie series show programme program game airline ship boat
            vessel ferry tug steamer steamship yacht barge trawler drifter ketch brig cutter sloop frigate
            tug schooner barque submarine aircraft train locomotive car award prize party league
            tournament competition division network station channel website brand product language
            religion museum theatre theater hospital church bridge building war battle treaty title name
            agency department army tribe people dynasty empire publisher restaurant cafe bakery""",
    }
)
EXPECTATIONS["country"] = EXPECTATIONS["nation"] = "country"
EXPECTATIONS["area"] = "place"

# Words that express one relation, whatever their part of speech. The key is the name of the group.
RELATIONS: Final[dict[str, str]] = _index(
    {
        "birth": "born birth birthplace birthday birthdate native hometown",
        "death": "die died dies dead death deceased passed killed",
        "burial": "bury buried burial interred buries grave cemetery",
        "writing": "write writes writing wrote written writer author authored authors penned novelist poet",
        "direction": "direct directs directed director directors directing filmmaker",
        "production": "produce produced producer producers produces",
        "founding": """found founded founder founders founding founds establish established establishes
            establishment create created creator creates set-up started co-founded co-founder cofounded""",
        "marriage": "marry married marries spouse wife husband wed marriage widow widower wives husbands",
        "mother": "mother mothers mum mom",
        "father": "father fathers dad",
        "child": "child children son daughter sons daughters",
        "acting": """act acted actor actress star starring starred stars cast portray portrayed portrays
            played plays role played""",
        "composition": "compose composed composer composes score scored music",
        "performance": "sing sang sung singer perform performed performer performs vocals recorded",
        "release": "release released releases premiere premiered publish published came debut issued",
        "location": "located location situated lies lie stands located based headquartered headquarters",
        "invention": "invent invented inventor invents invention devised",
        "discovery": "discover discovered discoverer discovers discovery",
        "building": "build built builder builds construct constructed construction erected",
        "opening": "open opened opens opening inaugurated",
        "leadership": """lead led leader leads head heads headed chief captain captained chairs chaired
            command commands commanded commander skipper skippered""",
        "victory": "win won winner winners wins winning defeated beat",
        "education": "study studied educated education attended graduated attend graduate alumnus",
        "employment": "work worked works job occupation profession employed career employer",
        "cost": "cost costs price priced fee rent worth paid pay pays",
        "capital": "capital",
        "population": "population populated inhabitants residents people",
        "suggestion": "suggest suggested suggests propose proposed proposes recommend recommended recommends",
        "owner": "own owns owned owner owners belongs belonged",
        "country": "country nation nationality citizenship",
        "weight": "weight weigh weighs weighed heavy",
        "height": "height high tall",
        "length": "length long",
        "depth": "depth deep",
        "width": "width wide",
        "start": "start starts started begin began begun begins",
        "end": "end ends ended finish finished close closed closes",
    }
)

# A kinship word that names two steps.
KIN_IN_STEPS: Final[dict[str, tuple[str, str]]] = {
    "paternal grandfather": ("father", "father"),
    "paternal grandmother": ("mother", "father"),
    "maternal grandfather": ("father", "mother"),
    "maternal grandmother": ("mother", "mother"),
    "father-in-law": ("father", "spouse"),
    "mother-in-law": ("mother", "spouse"),
    "sister-in-law": ("sister", "spouse"),
    "brother-in-law": ("brother", "spouse"),
    "stepmother": ("wife", "father"),
    "stepfather": ("husband", "mother"),
}

# Which end of a scale a comparing word asks for, and the scale where the word itself says it.
COMPARATIVES: Final[dict[str, tuple[Literal["low", "high"], str]]] = {
    "first": ("low", "date"),
    "earlier": ("low", "date"),
    "earliest": ("low", "date"),
    "before": ("low", "date"),
    "sooner": ("low", "date"),
    "older": ("low", "date"),
    "oldest": ("low", "date"),
    "later": ("high", "date"),
    "latest": ("high", "date"),
    "last": ("high", "date"),
    "after": ("high", "date"),
    "recently": ("high", "date"),
    "recent": ("high", "date"),
    "younger": ("high", "date"),
    "youngest": ("high", "date"),
    "newer": ("high", "date"),
    "newest": ("high", "date"),
    "longer": ("high", "length"),
    "shorter": ("low", "length"),
    "taller": ("high", "height"),
    "higher": ("high", "height"),
    "lower": ("low", "height"),
    "larger": ("high", "size"),
    "bigger": ("high", "size"),
    "greater": ("high", "size"),
    "smaller": ("low", "size"),
    "heavier": ("high", "weight"),
    "lighter": ("low", "weight"),
    "deeper": ("high", "depth"),
    "wider": ("high", "width"),
    "faster": ("high", "speed"),
    "slower": ("low", "speed"),
    "cheaper": ("low", "price"),
    "dearer": ("high", "price"),
    "more": ("high", "number"),
    "most": ("high", "number"),
    "fewer": ("low", "number"),
    "less": ("low", "number"),
    "fewest": ("low", "number"),
}

NEGATIONS: Final = word_set("""
    not never no none nobody nothing neither nor without cannot unable refused declined
""")

# That need someone or something said before.
REFERRING: Final = word_set("he she it they him her them his hers its their theirs")

# Nouns that name someone or something by its relation to another.
RELATIONAL: Final = frozenset(
    word for word, kind in EXPECTATIONS.items() if kind in ("person", "country")
) | word_set("""
    capital county state birthplace hometown spouse headquarters publisher employer seat record label
""")

# Nouns that only say what type of answer is wanted; texts that answer do not repeat them.
GENERIC: Final = word_set("year date day month time place number amount person city")

# Unit, or word that asks for a size -> its dimension.
DIMENSIONS: Final[dict[str, str]] = _index(
    {
        "length": "km m cm mm mile foot inch yard tall high deep wide far height length depth width distance",
        "weight": "kg g mg tonne pound ounce heavy weight",
        "time": "ms second minute hour day week month year decade century old age duration",
        "money": """USD EUR GBP JPY CNY INR cent money cost price fee fare fine rent salary wage pay budget
            toll tax bill debt loan grant bequest ransom reward sum""",
        "share": "percent percentage",
    }
)

# What money is counted in, beside the signs and words among the units.
CURRENCIES: Final = word_set("""
    crown crowns shilling shillings penny pence farthing farthings guinea guineas sovereign sovereigns franc
    francs mark marks krone kroner krona kronor kronur ruble rubles rouble roubles peso pesos lira lire
    florin florins guilder guilders ducat ducats thaler thalers dinar dinars dirham dirhams real reais
    rand won baht ringgit rupiah shekel shekels zloty forint koruna sol bolivar bitcoin quid bucks gold silver
""")

# Things that are in places, and no places themselves.
VEHICLES: Final = word_set("""
    ship boat vessel ferry tug steamer steamship yacht barge trawler drifter ketch brig cutter sloop frigate
    schooner barque submarine aircraft train locomotive car
""")

# What can be measured after "how".
MEASURES: Final = word_set("many much old long tall far high large big deep wide fast heavy often few")

# Names and adjectives of a country -> the country, as answers name it.
COUNTRIES: Final[dict[str, str]] = {
    **{country: country for country in COUNTRY_OF_DEMONYM.values()},
    **COUNTRY_OF_DEMONYM,
    "America": "United States",
    "USA": "United States",
    "United States of America": "United States",
    "Britain": "United Kingdom",
    "Great Britain": "United Kingdom",
    "Burma": "Myanmar",
    "USSR": "Soviet Union",
    "Holland": "Netherlands",
    "Hong Kong": "Hong Kong",
}
