"""Words that ask for a relation, and words that say how relations are put together; data only.

A relation of a graph is met by a question's word when both fall into one group: "kid" asks for `children`.
The groups are of the language, never of a data set; a word may be in several. An underscore stands for a
space.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

__all__ = ["ANSWER_KINDS", "DROPPED", "GROUPS", "KINSHIP", "PHRASES", "SHARING", "WEAK"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GROUPS: Final = """
    acting: act acts acted acting actor actors actress actresses star stars starred starring cast portray
        portrays portrayed play plays played role roles appear appears appeared appearing performer performers
        performance performances costar costars costarred
    directing: direct directs directed directing director directors direction filmmaker filmmakers codirect
        codirected codirector codirectors
    writing: write writes wrote written writing writer writers author authors authored screenwriter
        screenwriters scriptwriter scriptwriters screenplay screenplays script scripts story novelist
        playwright penned cowrite cowrote cowritten cowriter cowriters coauthor
    producing: produce produces produced producing producer producers production
    music: compose composed composer composers composition compositions score soundtrack
    singing: sing sings sang sung singer singers song songs vocal vocals vocalist
    recording: record records recorded recording recordings track tracks
    founding: found founded founder founders founding establish established establishment create created
        creator creators start started
    inventing: invent invented inventor inventors invention inventions discover discovered discoverer
        discovery
    release: release releases released releasing premiere premiered publish published publication come_out
        came_out debut
    time: year years date dates day days when time times month months decade era
    start: start started begin began begun beginning since
    end: end ended ending finish finished until stop stopped
    genre: genre genres type types kind kinds sort sorts category categories style styles classification
    topic: tag tags keyword keywords topic topics subject subjects theme themes about describe describes
        described describing description words term terms applicable concerning
    language: language languages speak speaks spoke spoken speaking tongue tongues
    rating: rating ratings rate rates rated score scores good bad think thought opinion opinions review
        reviews reviewed
    popularity: vote votes voted voter popular popularity famous fame well-known renowned
    child: child children kid kids son sons daughter daughters offspring heir heirs descendant descendants
        baby babies boy girl
    parent: parent parents father fathers mother mothers dad dads mom moms mum mums daddy mommy mummy papa
        mama ancestor ancestors
    spouse: spouse spouses husband husbands wife wives partner partners couple darling sweetheart lover love
        loved beloved married marry marries marriage consort widow widower wed wedded other_half better_half
        significant_other
    sibling: sibling siblings brother brothers sister sisters twin
    gender: gender genders sex sexes male female man men woman women
    nationality: nationality nationalities nation nations country countries citizen citizens citizenship
        homeland national come_from comes_from
    profession: profession professions professional job jobs occupation occupations work works worked working
        career careers line_of_business business trade living employment employed vocation
        do_for_a_living
    religion: religion religions religious faith faiths belief beliefs believe creed worship
    ethnicity: ethnicity ethnicities ethnic race races people
    birth: birth births born birthplace birthday birthdate native hometown
    death: death deaths die died dies dying dead deceased killed kill passed_away pass_away
    burial: bury buried burial grave tomb cemetery interred
    cause: cause causes caused reason reasons why
    place: place places address where location locations located locate situated site sites spot
    country: country countries nation nations national state states land where
    city: city cities town towns village where
    capital: capital capitals
    education: institution institutions school schools university universities college colleges education
        educated study studied studies student graduate graduated attend attended alma_mater
    organisation: organization organizations organisation organisations institution institutions institute
        company companies firm agency
    club: club clubs team teams side squad
    player: play plays played player players playing roster member members
    membership: member members membership belong belongs belonged join joined part
    age: age ages aged old
    number: number numbers wear wears wore jersey shirt
    position: position positions role
    ownership: own owns owned owner owners ownership belong belongs
    leadership: lead leads led leader leaders head heads headed chief president governor
    award: award awards awarded prize prizes medal medals honor honors honour honours won win winner winners
    nomination: nominate nominated nomination nominations nominee nominees
    influence: influence influences influenced inspire inspired
    character: character characters
    name: name names named called title titles titled
    label: label labels
    population: population populated inhabitants residents
    currency: currency currencies money
"""

# What puts two facts with the same relation together: "share an actor" is there and back.
SHARING: Final = _words(
    "same share shares shared sharing also together common other both another else too co mutual"
)

# Prepositions that count a little: "play in" rather than "play for".
WEAK: Final = _words("in for from at by on")

# Verbs and nouns that only make a sentence a question.
DROPPED: Final = _words("""
    tell give list name find show please can could you me i would do does did done is are was were be been
    being am has have had having what which who whom whose how many much there any some few one ones thing
    things person people listed
""")

# Which kind of thing a question's word asks for; the values are words to compare kinds of entities with.
ANSWER_KINDS: Final = {
    "who": "person",
    "whom": "person",
    "whose": "person",
    "when": "date",
    "where": "place",
}


def _read_groups() -> dict[str, frozenset[str]]:
    of_word: defaultdict[str, set[str]] = defaultdict(set)
    group = ""
    for token in _GROUPS.split():
        if token.endswith(":"):
            group = token[:-1]
        else:
            of_word[token.replace("_", " ")].add(group)
    return {word: frozenset(groups) for word, groups in of_word.items()}


# word or phrase -> the groups it is in
GROUPS: Final = _read_groups()

PHRASES: Final = frozenset(word for word in GROUPS if " " in word)

# Words that "grand" doubles: a grandson is a son's or daughter's son.
KINSHIP: Final = frozenset(
    word for word, groups in GROUPS.items() if groups & {"child", "parent"} and " " not in word
)
