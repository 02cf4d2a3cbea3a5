"""Word lists of the extractive cast: closed classes of English, and open ones only as far as rules need them.

Everything here is data. The lists hold words of the language, never words of a data set.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ADVERBS",
    "ASKING",
    "AUXILIARIES",
    "BE",
    "COMMON_WORDS",
    "COMPANY_SUFFIXES",
    "CONJUNCTIONS",
    "COUNTRY_OF_DEMONYM",
    "DESCRIPTIVE",
    "DETERMINERS",
    "EVENTS",
    "EXEMPLIFYING",
    "GREETINGS",
    "HONORIFICS",
    "IRREGULAR_PLURALS",
    "IRREGULAR_VERBS",
    "JOINED_BY_AND",
    "JOINED_BY_FOR",
    "KIN",
    "KIND_ENDERS",
    "LIGHT",
    "LINKING",
    "MAGNITUDES",
    "MONTHS",
    "NAME_PARTICLES",
    "NAMING",
    "NEVER_NAMES",
    "NOBLE_TITLES",
    "NOMINATIVE",
    "NUMBER_WORDS",
    "OPINION",
    "ORDINALS",
    "ORDINARY_ENDINGS",
    "PARTICIPLES",
    "PERSONAL",
    "PERSON_ENDINGS",
    "PERSON_NOUNS",
    "PLACE_OPENERS",
    "POSSESSIVES",
    "PREPOSITIONS",
    "PRONOUNS",
    "PROPERTIES",
    "RELATIVES",
    "SEASONS",
    "SHOWN",
    "SMALL",
    "STOP_WORDS",
    "TELLING_BEFORE",
    "THING_NOUNS",
    "TIME_NOUNS",
    "UNFULFILLED",
    "UNITS",
    "UNREAL",
    "VERBS",
    "WEEKDAYS",
    "WORKS",
    "word_set",
]


def word_set(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


def _ordered(text: str) -> list[str]:
    return text.split()


def _table(text: str) -> dict[str, str]:
    """`key:value` pairs; an underscore stands for a space."""
    pairs = (entry.split(":") for entry in text.split())
    return {key.replace("_", " "): value.replace("_", " ") for key, value in pairs}


DETERMINERS: Final = word_set("""
    a an the this that these those some any each every no another either neither both all half such
    several many few much more most other what which whose its his her their our your my one's
""")

PRONOUNS: Final = word_set("""
    i me my mine myself you your yours yourself he him his himself she her hers herself it its itself
    we us our ours ourselves they them their theirs themselves who whom whose which that this these those
    someone somebody something anyone anybody anything everyone everybody everything nobody nothing none one
""")

PREPOSITIONS: Final = word_set("""
    of in on at by for with from to into onto upon over under about above across after against along among
    amid around as before behind below beneath beside besides between beyond despite during except inside
    near off out outside past per since through throughout till toward towards until up via within without
    like unlike aboard alongside concerning regarding including excluding following
""")

CONJUNCTIONS: Final = word_set("""
    and or but nor so yet if because although though while whereas when where whether than unless once
    however therefore thus hence also then still moreover furthermore meanwhile instead otherwise
""")

AUXILIARIES: Final = word_set("""
    be am is are was were been being have has had having do does did doing done will would shall should can
    could may might must ought 's 're 've 'm 'll 'd isn't aren't wasn't weren't hasn't haven't hadn't don't
    doesn't didn't won't wouldn't can't cannot couldn't shouldn't mustn't
""")

ADVERBS: Final = word_set("""
    not never ever always often sometimes usually rarely seldom soon later now then here there today
    yesterday tomorrow again already just only even too very quite rather almost nearly still perhaps maybe
    first last early late together away back down well best better long far once twice initially originally
    eventually finally recently formerly previously currently subsequently afterwards afterward thereafter
    thereby therein elsewhere else ago apart aside alone abroad online
""")

STOP_WORDS: Final = (
    DETERMINERS
    | PRONOUNS
    | PREPOSITIONS
    | CONJUNCTIONS
    | AUXILIARIES
    | word_set("""
    how why not never ever just only even too very quite rather almost there here now then yes no ok please
    etc eg ie i'm i've i'll i'd you're you've he's she's it's we're we've they're they've that's there's
    what's who's let's let own same s t
""")
)

# Words that start sentences and headings with a capital without being names. Rules for endings
# (`-ing`, `-ly`, `-tion`, plurals of agents) cover what is regular; this list holds the rest.
COMMON_WORDS: Final = (
    STOP_WORDS
    | ADVERBS
    | word_set("""
    able about accept access account act action active actor actress add address adult advice afternoon age
    agent agree air album all allow alternative amount ancient animal answer any apply approach april area
    argument army arrive art article artist ask assume attack august author available average award aware
    baby bad bank bar base basic battle beach bear beautiful bed begin believe bell best bird birth birthday
    black block blood blue board boat body bone book border bottle bottom box boy bread break bridge bring
    brother brown budget build building burn bus business button buy cable cake call camera camp car
    card care
    career carry case cat catch cause cell center central centre century certain chair chance change chapter
    character charge cheap check cheese chemical chest chicken chief child children choice choose church
    circle city claim class clean clear click clock close cloth cloud coach coast code coffee cold
    collection
    college color colour column come comedy command comment common company compare complete computer concept
    condition config configure confirm congratulations connect consider contact contain content context
    continue control cook cool copy core corner cost count country couple course court cover cow create
    crew crime critic critics crowd cry culture cup current customer customers cut dad dance danger
    dark data
    database date daughter day days dead deal dear death debut december decide deep default delete deliver
    demand describe desert design desk detail details develop device dialogue die diet different difficult
    dinner direct director disable disc discover discuss disease dish display distance doctor document dog
    dogs dollar door doors double download dozen drama draw dream dress drink drive driver drop drug dry due
    dust duty each ear earth east easy eat economy edge edit effect egg eight eighteen eighty election
    eleven email emperor empire employee empty enable end enemy energy engine engineer enjoy ensure enter
    environment equal error especially essay evening event events evidence exact example examples except
    excited exercise exit expect experience experiment expert explain export express extra eye face fact
    factory fail fair fall family famous fan fans farm farmer fast father fear feature features february
    fee feed feel female few field fifteen fifty fight figure file files fill film films final find fine
    finger finish fire firm fish fit five fix flag flat flight floor flow flower fly focus follow food foot
    football for force foreign forest forget form formal former forty forward found four fourteen free
    french fresh friday friend friends front fruit full fun function further future gain game games garden
    gas gate general generic get giant gift girl give glad glass global go goal god gold good goodbye
    government grand grandfather grandmother grant graph grass great green ground group groups grow guard
    guess guest guide gun guy guys hair half hall hand hands happen happy hard hat hate head health
    hear heart
    heat heavy height hello help hey hi hidden high hill his historian historians history hit hmm hold hole
    holiday home honestly hope horse hospital host hot hotel hour hours house huge human hundred husband ice
    idea ideas ignore image images imagine impact import important improve include income increase index
    indeed individual industry information inner input insert inside install instance instead institute
    insurance interest interface internal internet into introduction invite iron island issue issues item
    items january job join joint judge july jump june jury keep key kid kids kill kind king kingdom kitchen
    know lady lake land language large law lawyer layer lead leader leaders league learn least leave
    left leg
    legal less lesson level library license lie life light like line link list listen literature little live
    local location log logic lord lose loss lot lots loud love low luck lunch machine magazine magic
    mail main
    major make male man manager manual many map march mark market marriage mass master match material matter
    maximum may mayor meal mean measure meat medal media medicine meet meeting member members memory men
    mention menu message metal method middle military milk million mind minimum minister minor minute miss
    missing mistake mix mobile mode model modern mom moment monday money monkey month months moon moreover
    morning mother mount mountain mouse mouth move movie mr much mum museum music must name names narrow
    nation national natural nature navy near necessary neck need network new news newspaper next nice night
    nine nineteen ninety nobody noise normal north northern note notes nothing notice novel november number
    object ocean october offer office officer official officials oh oil okay old older once one online open
    opera operation opinion option options orange order original other output outside owner package page
    pages paint pair palace paper parent parents park part parts party pass past path pattern pay peace
    people per perfect performance period person phone photo phrase pick picture piece place plain plan
    plane
    plant play player players please plot plus point police policy politician poor pope popular population
    port position possible post pot power practice prepare present president press pretty prevent price
    prince princess print prior prison private prize problem problems process produce product program
    project
    promise property protect proud provide public pull pure purpose push put python quality queen question
    questions quick quickly quiet quite race radio rain raise random range rate raw reach read reader
    readers
    ready real really reason receive record recipe red reduce refer region relation release religion remain
    remember remove repeat replace reply report request require research residents rest restart result
    results return review reward rice rich ride right ring rise river road rock role roll room root round
    row rule rules run safe salt same sample saturday save scene school schools science scientist scientists
    score sea search season seat second secret section security see seed select self sell send sense
    sentence september series serious serve server service set settings seven seventeen seventy several sex
    shape share sharp she ship shoot shop short should show shut sick side sign signal silver similar simple
    since sing single sir sister sit site situated six sixteen sixty size skin skip sky sleep slow small
    smart smile smoke snow social society soft software soldier soldiers some son song songs sorry sort
    sound
    source south southern space speak special speech speed sport spring square staff stage stand standard
    star start state states station status stay step still stone stop store storm story straight strange
    stream street strong structure student students study stuff style subject such sugar suggest summary
    summer sun sunday support suppose sure surface surprise survey sweet swim switch symbol system
    table take
    talk tall target task taste tax tea teach teacher teachers team teams television tell temple ten term
    test tests text thank thanks theater theatre theory thing things think third thirteen thirty thousand
    thread three thrilled thursday ticket time times tiny tip tired title to today tomorrow tonight tool top
    topic total totally touch tour tower town track trade traffic train travel tree trees trial trip trouble
    truck true trust truth try tuesday turn twelve twenty two type types typical uncle under understand
    union unit update upgrade upload use used useful user users usual valid valley value values variable
    various vary version versus video view village villages violence visit visitors voice volume vote wait
    walk wall want war warm warning wash watch water wave way weak weapon wear weather web website wednesday
    week weekend weeks weight welcome west western wet what whatever wheel whenever whereas white whole wide
    wife wild will win wind window wine winner winter wish woman women wonder wonderful wood word words work
    worker workers world worry worse worst worth wow wow write writer writers wrong yard yeah year years
    yellow yesterday young zero zone absolutely afterwards alas amazing amid anyway apparently approximately
    awesome born based beyond cheers cool cute definitely died dozens following formerly gotcha great
    haha hopefully hundreds including known lastly let likewise located loving made meanwhile millions
    namely nevertheless nonetheless nope noted overall owing perhaps plus prior rather sadly secondly
    similarly sounds starring strictly sure sweet thirdly thousands totally typically ugh unfortunately
    unless upon usage verily whenever wherever whilst wow yep yup abstract acknowledgements appendix
    bibliography biography conclusion contents description discography early filmography glossary
    headquarters legacy license licence overview plot prerequisites quickstart readme reception references
    requirements synopsis troubleshooting faq tips todo install setup
""")
)

MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}

WEEKDAYS: Final = word_set("monday tuesday wednesday thursday friday saturday sunday")
SEASONS: Final = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}

NUMBER_WORDS: Final = {
    word: value
    for value, word in enumerate(
        _ordered("""zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
        fifteen sixteen seventeen eighteen nineteen""")
    )
} | {
    word: 10 * tens
    for tens, word in enumerate(_ordered("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
}

MAGNITUDES: Final = {
    "hundred": 100.0,
    "dozen": 12.0,
    "thousand": 1e3,
    "k": 1e3,
    "million": 1e6,
    "mn": 1e6,
    "m": 1e6,
    "billion": 1e9,
    "bn": 1e9,
    "b": 1e9,
    "trillion": 1e12,
}

ORDINALS: Final = {
    word: value
    for value, word in enumerate(
        _ordered("""first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
        thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"""),
        start=1,
    )
}

# Unit as written -> unit as compared. Only words that follow a number directly.
UNITS: Final = _table("""
    %:percent percent:percent per_cent:percent percentage_points:percent
    $:USD dollars:USD dollar:USD usd:USD €:EUR euros:EUR euro:EUR eur:EUR £:GBP pounds:GBP gbp:GBP
    ¥:JPY yen:JPY yuan:CNY rmb:CNY rupees:INR ₹:INR cents:cent
    km:km kilometres:km kilometers:km kilometre:km kilometer:km mi:mile miles:mile mile:mile
    m:m metres:m meters:m metre:m meter:m cm:cm centimetres:cm centimeters:cm mm:mm millimetres:mm
    ft:foot feet:foot foot:foot in:inch inches:inch inch:inch yards:yard yard:yard
    kg:kg kilograms:kg kilogrammes:kg kilogram:kg g:g grams:g gram:g mg:mg tonnes:tonne tons:tonne
    tonne:tonne
    lb:pound lbs:pound oz:ounce ounces:ounce
    s:second sec:second secs:second seconds:second second:second ms:ms milliseconds:ms min:minute
    mins:minute
    minutes:minute minute:minute h:hour hr:hour hrs:hour hours:hour hour:hour days:day day:day weeks:week
    week:week months:month month:month years:year year:year yrs:year decades:decade centuries:century
    kb:KB mb:MB gb:GB tb:TB kib:KiB mib:MiB gib:GiB bytes:byte bits:bit
    hz:Hz khz:kHz mhz:MHz ghz:GHz w:W kw:kW mw:MW kwh:kWh v:V a:A l:litre litres:litre liters:litre ml:ml
    °c:°C °f:°F °:degree degrees:degree acres:acre hectares:hectare ha:hectare mph:mph km/h:km/h knots:knot
    people:people inhabitants:people residents:people members:people employees:people votes:vote seats:seat
    episodes:episode pages:page copies:copy goals:goal points:point games:game
""")

# Dropped in front of a name: they say who speaks of a person, not who it is.
HONORIFICS: Final = word_set("""
    mr mrs ms miss mx dr prof professor rev reverend hon president senator congressman congresswoman
    representative governor mayor chancellor minister secretary ambassador judge justice general colonel
    major captain lieutenant sergeant admiral commander commodore marshal private corporal detective
    inspector officer coach chairman chairwoman chairperson ceo cto cfo coo u.s us uncle aunt
""")

# After a comma these continue a name: "Sarah, Duchess of York".
NOBLE_TITLES: Final = word_set("""
    duke duchess count countess earl baron baroness viscount viscountess marquess marquis marchioness lord
    lady prince princess king queen emperor empress landgrave margrave elector archduke archduchess sultan
    emir tsar tsarina jr jr. sr sr. ii iii iv
""")

NAME_PARTICLES: Final = word_set("""
    of de del della dei degli di da do dos das du des la le les van von vom zu zum zur der den dem het
    ter ten
    te bin ibn bint ben al el ash as-saud af av y e i und et & d' l' 't upon
""")

# Capitals that never are a name alone (months and weekdays apart).
NEVER_NAMES: Final = word_set("""
    i am pm ad bc bce ce ok tv faq todo note isbn id url http https pdf html p.m a.m etc gonna wanna gotta
    lol btw asap
""")

COMPANY_SUFFIXES: Final = word_set("""
    inc ltd llc plc corp co gmbh ag sa inc. ltd. corp. co. jr jr. sr sr. bros bros.
""")

# "Johnson and Sons": the words after which "and" has joined capitals into one name.
JOINED_BY_AND: Final = word_set("""
    sons company co brothers bros daughters associates partners herzegovina tobago nevis barbuda
""")

# "Award for Best New Artist", "Institute for Advanced Study".
JOINED_BY_FOR: Final = word_set("""
    award awards prize medal center centre institute committee council school academy fund foundation
    society
    department ministry museum agency office movement party campaign alliance association
""")

# A year in front of these belongs to the name: "1980 Summer Olympics".
EVENTS: Final = word_set("""
    olympics paralympics cup championship championships games open masters prix festival awards election
    elections series bowl tour trophy classic marathon convention conference exposition fair earthquake
    hurricane season league tournament referendum
""")

# What an unknown word at the start of a sentence ends in when it is a word of the language and no name.
ORDINARY_ENDINGS: Final = tuple(
    _ordered("""
    ing ings ed ly tion tions ment ments ness ies ers ors ists able ible ful less ous ive ism isms ity ances
    ences ants ents n't 'm 're 've 'll 'd
""")
)

# Things that a definite description may call a document's subject by ("the film", "the company").
THING_NOUNS: Final = word_set("""
    film movie picture documentary album song single book novel poem play story opera symphony series show
    episode game magazine newspaper journal painting sculpture company firm corporation organisation
    organization foundation agency party band group orchestra team club league university college school
    institute museum library hospital church cathedral temple castle palace bridge tower building stadium
    airport station railway road street park garden city town village municipality district county province
    state region country kingdom empire republic island river lake mountain valley sea ship aircraft car
    locomotive rocket spacecraft planet star comet asteroid species genus plant animal language dialect
    religion war battle treaty law act award prize medal trophy championship festival tournament
    competition election project program
    programme software library framework tool protocol language machine device engine drug disease theory
    suburb neighborhood neighbourhood commune parish peninsula bay harbour harbor lighthouse observatory
    restaurant bakery hotel shop store brand product platform website channel network label studio
""")

# Works of art and writing: an article about one may call it by another word of this list.
WORKS: Final = word_set("""
    film movie album song single novel book game series documentary picture play show story poem opera
    musical
    comedy drama thriller western sequel remake track record recording episode
""")

# Left out of "is": what remains is the kind of thing ("noted former French actor" is an actor).
DESCRIPTIVE: Final = word_set("""
    noted former retired prolific famous renowned late early young old older younger oldest youngest
    eldest elder
    professional well-known prominent popular best major minor great leading influential successful
    acclaimed
    celebrated distinguished notable important first second third fourth fifth sixth seventh last only
    single
    new current modern contemporary ancient medieval small large big little few several many various other
    same different own good active amateur independent self-taught award-winning best-selling bestselling
    original present longtime long-time veteran legendary one two three black white co fellow certain
    subsequent recent most upcoming next final principal chief main primary senior junior highly very
    numerous
    multiple certain critical favorable favourable mixed positive negative
""")

# Verbs whose meaning lies in their object: with a common noun they say nothing to remember.
LIGHT: Final = word_set("make get keep give take have do need mean hold bring put let help look")

# Verbs that say something to remember with a common noun behind a preposition: "died of fever".
TELLING_BEFORE: Final = word_set("die serve work act known suffer")

# Relation verbs that link a subject to what it is or became, as "be" does.
LINKING: Final = word_set("become remain")

# Participles that describe, whether or not a form of "be" stands before them.
PARTICIPLES: Final = word_set("""
    born based located situated known named called titled entitled set headquartered married buried
    descended formed founded established released published nominated dedicated
""")

# Participles that need no preposition to be read as such: "X, born Y", "a film called Y".
NAMING: Final = word_set("born named called titled entitled dubbed nicknamed")

# "X failed to do Y" does not say that X did Y.
UNFULFILLED: Final = word_set(
    "fail refuse decline try attempt want hope wish plan intend threaten offer seek ask tell promise vow"
)

# Objects that only say when: "moved last week".
TIME_NOUNS: Final = word_set(
    "day week weekend month year time morning afternoon evening night today days weeks months years"
)

# What opens a message before a name.
GREETINGS: Final = word_set(
    "hi hey hello dear thanks thank yes ok okay oh wow great sorry congrats congratulations welcome bye well"
)

# "X is considered Y" says what others think.
OPINION: Final = word_set(
    "consider believe suppose allege claim expect deem think say rumor rumour regard presume look"
)

# "Works including A and B": what follows belongs to the noun before, which is seldom known.
EXEMPLIFYING: Final = word_set("including excluding like unlike except regarding concerning")

KIN: Final = word_set("""
    father mother son daughter brother sister husband wife spouse parent parents child children uncle aunt
    nephew niece cousin grandfather grandmother grandson granddaughter grandchild grandparent stepfather
    stepmother stepson stepdaughter stepbrother stepsister half-brother half-sister father-in-law
    mother-in-law son-in-law daughter-in-law brother-in-law sister-in-law widow widower fiancé fiancée
    fiance
    fiancee partner twin sibling siblings heir successor predecessor namesake great-grandfather
    great-grandmother
    great-grandson great-granddaughter great-uncle great-aunt great-nephew godfather godmother godson
    goddaughter ancestor descendant sons daughters brothers sisters
""")

PERSON_NOUNS: Final = KIN | word_set("""
    man woman boy girl person people human actor actress author artist writer novelist poet playwright
    director filmmaker producer screenwriter composer musician singer songwriter rapper drummer guitarist
    pianist violinist cellist bassist conductor dancer choreographer comedian model painter sculptor
    architect engineer scientist physicist chemist biologist mathematician philosopher historian economist
    psychologist sociologist linguist astronomer geologist botanist zoologist inventor explorer astronaut
    doctor physician surgeon nurse lawyer attorney judge politician statesman diplomat president minister
    governor senator mayor congressman congresswoman king queen emperor empress prince princess duke duchess
    count countess earl baron baroness lord lady knight nobleman noblewoman noble monarch ruler regent
    consort
    pope bishop archbishop cardinal priest monk nun cleric clergyman theologian missionary rabbi imam saint
    soldier officer general colonel captain lieutenant admiral commander marshal pilot aviator sailor
    businessman businesswoman entrepreneur executive ceo founder banker merchant trader manager investor
    philanthropist teacher professor academic scholar educator lecturer student journalist editor reporter
    columnist critic translator publisher broadcaster presenter host announcer photographer cinematographer
    cartoonist illustrator animator designer footballer player cricketer golfer boxer wrestler swimmer
    athlete sprinter runner cyclist skier skater gymnast jockey racer driver coach goalkeeper defender
    midfielder striker forward pitcher catcher quarterback chess grandmaster farmer worker activist
    revolutionary reformer feminist suffragist leader chief chieftain slave servant spy criminal murderer
    gangster outlaw pirate detective personality celebrity socialite member fellow citizen native
    collector curator librarian archivist chef cook baker butcher carpenter blacksmith miner fisherman
    hunter
    lyricist arranger soprano tenor baritone vocalist dramatist essayist biographer memoirist satirist
    impresario courtier chronicler keeper guard warden engraver printer cartographer surveyor botanist
    programmer developer analyst consultant researcher adviser advisor secretary treasurer
""")

# Endings of nouns that mean persons, where the list above has no entry.
PERSON_ENDINGS: Final = tuple(
    _ordered(
        "er or ist ian ean man woman ess eer ant ent ie ee person star wright smith ler ic ive ete ero ot"
    )
)

IRREGULAR_PLURALS: Final = _table("""
    children:child men:man women:woman people:person feet:foot teeth:tooth mice:mouse geese:goose wives:wife
    knives:knife wolves:wolf halves:half selves:self shelves:shelf thieves:thief
    series:series species:species news:news crises:crisis analyses:analysis theses:thesis bases:basis
    criteria:criterion phenomena:phenomenon data:data media:media politics:politics physics:physics
    mathematics:mathematics economics:economics athletics:athletics lens:lens bus:bus gas:gas buses:bus
    grandchildren:grandchild stepchildren:stepchild countries:country heroes:hero movies:movie
    cookies:cookie
    ties:tie pies:pie
""")

# Past tense and participle -> base form. Participles that stay readable in a relation ("born in") keep
# their own form through `triples`; here only the dictionary form counts.
IRREGULAR_VERBS: Final = _table("""
    am:be is:be are:be was:be were:be been:be being:be has:have had:have having:have does:do did:do done:do
    arose:arise arisen:arise ate:eat eaten:eat awoke:awake bore:bear borne:bear born:bear beat:beat
    beaten:beat became:become become:become began:begin begun:begin bent:bend bet:bet bit:bite bitten:bite
    bled:bleed blew:blow blown:blow bound:bind bought:buy bred:breed broke:break broken:break brought:bring
    built:build burnt:burn came:come cast:cast caught:catch chose:choose chosen:choose clung:cling cost:cost
    crept:creep cut:cut dealt:deal died:die dies:die dying:die dug:dig drank:drink drunk:drink
    drawn:draw drew:draw
    driven:drive drove:drive dreamt:dream fallen:fall fell:fall fed:feed felt:feel fled:flee flew:fly
    flown:fly forbade:forbid forbidden:forbid forgot:forget forgotten:forget fought:fight found:find
    froze:freeze frozen:freeze gave:give given:give goes:go gone:go got:get gotten:get grew:grow grown:grow
    heard:hear held:hold hid:hide hidden:hide hit:hit hung:hang hurt:hurt kept:keep knew:know known:know
    laid:lay led:lead left:leave lent:lend lay:lie lain:lie lying:lie lit:light lost:lose made:make
    meant:mean
    met:meet paid:pay put:put quit:quit ran:run rang:ring read:read ridden:ride rode:ride risen:rise
    rose:rise said:say sang:sing sung:sing sank:sink sunk:sink sat:sit saw:see seen:see sent:send set:set
    shaken:shake shook:shake shed:shed shone:shine shot:shoot showed:show shown:show shut:shut slept:sleep
    slid:slide sold:sell sought:seek spent:spend split:split spoke:speak spoken:speak sprang:spring
    spread:spread stolen:steal stole:steal stood:stand struck:strike stuck:stick sworn:swear swore:swear
    swam:swim swept:sweep swum:swim taken:take took:take taught:teach thought:think threw:throw
    thrown:throw told:tell tore:tear torn:tear understood:understand undertook:undertake
    undertaken:undertake underwent:undergo undergone:undergo upheld:uphold wed:wed wept:weep went:go won:win
    wore:wear worn:wear wound:wind withdrew:withdraw withdrawn:withdraw withstood:withstand wove:weave
    woven:weave written:write wrote:write overcame:overcome overthrew:overthrow overthrown:overthrow
    oversaw:oversee overseen:oversee rebuilt:rebuild remade:remake rewrote:rewrite rewritten:rewrite
    foresaw:foresee forgave:forgive forgiven:forgive misled:mislead outgrew:outgrow partook:partake
    retold:retell reran:rerun resold:resell leapt:leap learnt:learn spelt:spell ties:tie lies:lie
""")

# Base forms whose present tense must be known to be read as verbs ("plays", "stars"): endings alone do not
# tell them from plurals. Past tenses need no list.
VERBS: Final = word_set("""
    accept accompany achieve acquire act adapt add address administer admit adopt advise affect agree allow
    announce appear apply appoint approve argue arrange arrest arrive ask assassinate assist assume attack
    attend award bear become begin believe belong border break bring broadcast build bury buy call capture
    carry cast cause celebrate change chair choose claim close coach collaborate collect command commission
    compete compile complete compose comprise concern conduct connect conquer consider consist construct
    contain continue contribute control convert cost count cover create cross deal debut declare dedicate
    defeat defend define deliver depart depend depict describe design destroy develop die direct discover
    discuss display divide divorce donate draw drive earn edit educate elect emerge employ enable end
    endorse
    enjoy enlist enroll enter establish exceed execute exhibit exist expand explain explore export express
    extend face fall feature fight fill film finance find finish fire flow fly follow force form found
    fund gain generate get give go govern graduate grow guide happen have head hear help hire hold host
    house identify illustrate import improve include increase influence inherit inspire install introduce
    invade invent invest invite involve issue join judge keep kill know land last launch lead learn leave
    lend lie like link list live locate lose love maintain make manage manufacture mark marry match mean
    measure meet mention merge move murder name need nominate note object observe obtain occupy occur offer
    open operate oppose order organise organize originate oversee own paint participate pass pay perform
    permit plan play portray possess praise precede prefer prepare present preserve preside prevent print
    produce promote propose protect prove provide publish purchase pursue race raise reach read receive
    recognise recognize recommend record recruit reduce refer reflect refuse reign reject relate release
    remain remember remove rename replace report represent require rescue reside resign rest result retain
    retire return reveal rise rule run say score sculpt seek seize sell send serve set settle share
    ship shoot
    show sign sing sit situate speak specialise specialize sponsor stand star start state stay step stop
    store study succeed suffer suggest supply support suppress surrender surround survive take talk tax
    teach
    tell thank think tour train transfer translate travel try turn understand unite use visit vote want warn
    watch wear win wish witness work write yield
""")

COUNTRY_OF_DEMONYM: Final = _table("""
    Afghan:Afghanistan Albanian:Albania Algerian:Algeria American:United_States Andorran:Andorra
    Angolan:Angola Argentine:Argentina Argentinian:Argentina Argentinean:Argentina Armenian:Armenia
    Australian:Australia Austrian:Austria Azerbaijani:Azerbaijan Bahamian:Bahamas Bahraini:Bahrain
    Bangladeshi:Bangladesh Barbadian:Barbados Belarusian:Belarus Belgian:Belgium Belizean:Belize
    Beninese:Benin Bhutanese:Bhutan Bolivian:Bolivia Bosnian:Bosnia_and_Herzegovina Botswanan:Botswana
    Brazilian:Brazil British:United_Kingdom Bruneian:Brunei Bulgarian:Bulgaria Burmese:Myanmar
    Burundian:Burundi Cambodian:Cambodia Cameroonian:Cameroon Canadian:Canada Chadian:Chad Chilean:Chile
    Chinese:China Colombian:Colombia Congolese:Congo Croatian:Croatia Cuban:Cuba Cypriot:Cyprus
    Czech:Czech_Republic Czechoslovak:Czechoslovakia Danish:Denmark Dutch:Netherlands Ecuadorian:Ecuador
    Egyptian:Egypt Emirati:United_Arab_Emirates English:England Eritrean:Eritrea Estonian:Estonia
    Ethiopian:Ethiopia Fijian:Fiji Filipino:Philippines Finnish:Finland French:France Gabonese:Gabon
    Gambian:Gambia Georgian:Georgia German:Germany Ghanaian:Ghana Greek:Greece Grenadian:Grenada
    Guatemalan:Guatemala Guinean:Guinea Guyanese:Guyana Haitian:Haiti Honduran:Honduras Hungarian:Hungary
    Icelandic:Iceland Indian:India Indonesian:Indonesia Iranian:Iran Persian:Iran Iraqi:Iraq Irish:Ireland
    Israeli:Israel Italian:Italy Ivorian:Ivory_Coast Jamaican:Jamaica Japanese:Japan Jordanian:Jordan
    Kazakh:Kazakhstan Kazakhstani:Kazakhstan Kenyan:Kenya Korean:Korea South_Korean:South_Korea
    North_Korean:North_Korea Kosovar:Kosovo Kuwaiti:Kuwait Kyrgyz:Kyrgyzstan Laotian:Laos Latvian:Latvia
    Lebanese:Lebanon Liberian:Liberia Libyan:Libya Lithuanian:Lithuania Luxembourgish:Luxembourg
    Macedonian:North_Macedonia Malagasy:Madagascar Malawian:Malawi Malaysian:Malaysia Maldivian:Maldives
    Malian:Mali Maltese:Malta Mauritanian:Mauritania Mauritian:Mauritius Mexican:Mexico Moldovan:Moldova
    Monegasque:Monaco Mongolian:Mongolia Montenegrin:Montenegro Moroccan:Morocco Mozambican:Mozambique
    Namibian:Namibia Nepalese:Nepal Nepali:Nepal Nicaraguan:Nicaragua Nigerian:Nigeria Nigerien:Niger
    Norwegian:Norway Omani:Oman Pakistani:Pakistan Palestinian:Palestine Panamanian:Panama
    Paraguayan:Paraguay Peruvian:Peru Polish:Poland Portuguese:Portugal Puerto_Rican:Puerto_Rico
    Qatari:Qatar Romanian:Romania Russian:Russia Rwandan:Rwanda Salvadoran:El_Salvador Samoan:Samoa
    Saudi:Saudi_Arabia Scottish:Scotland Senegalese:Senegal Serbian:Serbia Singaporean:Singapore
    Slovak:Slovakia Slovene:Slovenia Slovenian:Slovenia Somali:Somalia South_African:South_Africa
    Soviet:Soviet_Union Spanish:Spain Sudanese:Sudan Surinamese:Suriname Swedish:Sweden Swiss:Switzerland
    Syrian:Syria Taiwanese:Taiwan Tajik:Tajikistan Tanzanian:Tanzania Thai:Thailand Tibetan:Tibet
    Togolese:Togo Trinidadian:Trinidad_and_Tobago Tunisian:Tunisia Turkish:Turkey Turkmen:Turkmenistan
    Ugandan:Uganda Ukrainian:Ukraine Uruguayan:Uruguay Uzbek:Uzbekistan Venezuelan:Venezuela
    Vietnamese:Vietnam Welsh:Wales Yemeni:Yemen Yugoslav:Yugoslavia Zambian:Zambia Zimbabwean:Zimbabwe
    New_Zealand:New_Zealand U.S.:United_States US:United_States U.K.:United_Kingdom UK:United_Kingdom
    Prussian:Prussia Ottoman:Ottoman_Empire Byzantine:Byzantine_Empire Roman:Rome Bavarian:Bavaria
    Catalan:Catalonia Flemish:Flanders Sicilian:Sicily Venetian:Venice Texan:Texas Californian:California
""")

# First words that make the last word alone no short form: "New York" is not "York".
PLACE_OPENERS: Final = word_set("""
    new north south east west saint st st. san santa los las el great lake mount river upper lower port
    fort
""")

# Where "is a ..." stops saying what the subject is: what follows describes someone else.
KIND_ENDERS: Final = word_set("""
    by of who which that in from for at on and or directed written produced starring based with to born
    whose about as
""")

# Forms of "be".
BE: Final = word_set("be am is are was were been being")

# Pronouns that stand for a person or thing.
PERSONAL: Final = word_set("i he she it they we you him them me us")

# Those of them that are never objects, "you" and "it" apart.
NOMINATIVE: Final = word_set("i he she we they")

# Possessive pronouns before a noun.
POSSESSIVES: Final = word_set("""
    his her its their my our your
""")

# Words that open a relative clause.
RELATIVES: Final = word_set("""
    who whom which that whose where when
""")

# Words of asking and comparing: they say what to do with what is found.
ASKING: Final = word_set("""
    tell give list name describe explain find show please question answer same different earlier later
    older younger first last more less most least longer shorter larger smaller bigger taller higher
    lower come came become became happen happened call called mean whether true correct following option
    kind type many much old long far tall often get got
""")

# Kinds that a question puts before a title: "the film X".
SHOWN: Final = word_set("""
    film movie song album book novel show magazine band company
""")

# Words of a question that ask for a property.
PROPERTIES: Final = word_set("""
    of birth death place date burial capital population country nationality language genre age name
    height cause occupation job award location size author born address price cost year currency spouse
""")

# Words too common to tell names apart.
SMALL: Final = word_set("""
    of the a an and in on for to at by de la le von van
""")

# "would", "might": what did not happen, or not yet.
UNREAL: Final = word_set("would could might may should must shall ought")
