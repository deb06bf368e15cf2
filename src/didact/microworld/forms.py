"""The words of the microworld: their forms, opposites, rhymes, and the numbers."""

from __future__ import annotations

__all__ = [
    "ADJECTIVES",
    "NUMBERS",
    "OPPOSITES",
    "RHYMES",
    "SYNONYMS",
    "VERBS",
    "article",
    "comparative",
    "number",
    "plural",
    "superlative",
]

OPPOSITES: dict[str, str] = {}
for _pair in [
    "big:small",
    "hot:cold",
    "tall:short",
    "fast:slow",
    "old:young",
    "happy:sad",
    "rich:poor",
    "strong:weak",
    "clean:dirty",
    "wet:dry",
    "hard:soft",
    "light:heavy",
    "loud:quiet",
    "early:late",
    "empty:full",
    "open:closed",
    "thick:thin",
    "wide:narrow",
    "deep:shallow",
    "brave:afraid",
    "sweet:sour",
    "bright:dark",
    "rough:smooth",
    "near:far",
    "cheap:expensive",
    "easy:difficult",
    "kind:mean",
    "sharp:blunt",
    "busy:idle",
    "awake:asleep",
    "tight:loose",
    "right:wrong",
    "good:bad",
    "noisy:silent",
    "polite:rude",
    "true:false",
    "safe:dangerous",
    "alive:dead",
    "calm:angry",
    "lucky:unlucky",
]:
    _left, _right = _pair.split(":")
    OPPOSITES[_left] = _right
    OPPOSITES[_right] = _left

ADJECTIVES: tuple[str, ...] = tuple(
    [
        "big",
        "small",
        "hot",
        "cold",
        "tall",
        "short",
        "fast",
        "slow",
        "old",
        "young",
        "happy",
        "sad",
        "rich",
        "poor",
        "strong",
        "weak",
        "clean",
        "dirty",
        "wet",
        "dry",
        "hard",
        "soft",
        "light",
        "heavy",
        "loud",
        "quiet",
        "thick",
        "thin",
        "deep",
        "brave",
        "sweet",
        "dark",
        "bright",
        "rough",
        "smooth",
        "cheap",
        "kind",
        "sharp",
        "calm",
        "busy",
    ]
)

SYNONYMS: dict[str, str] = dict(
    pair.split(":")
    for pair in [
        "big:large",
        "small:little",
        "happy:glad",
        "sad:unhappy",
        "fast:quick",
        "begin:start",
        "end:finish",
        "quiet:silent",
        "angry:mad",
        "smart:clever",
        "shut:close",
        "rich:wealthy",
        "easy:simple",
        "hard:difficult",
        "present:gift",
        "road:street",
        "stone:rock",
        "shop:store",
        "ill:sick",
        "buy:purchase",
        "jump:leap",
        "speak:talk",
        "look:see",
        "pretty:beautiful",
        "tired:sleepy",
        "large:big",
        "quick:fast",
        "glad:happy",
        "start:begin",
        "finish:end",
        "clever:smart",
        "gift:present",
        "rock:stone",
        "store:shop",
        "sick:ill",
        "leap:jump",
        "talk:speak",
        "little:small",
    ]
)

RHYMES: tuple[tuple[str, ...], ...] = tuple(
    tuple(group.split())
    for group in [
        "cat hat bat rat mat",
        "dog log fog frog",
        "bee tree sea tea key knee pea",
        "house mouse",
        "bear pear chair hair",
        "car star jar",
        "cake lake snake rake",
        "moon spoon",
        "boat goat coat",
        "bell shell well",
        "king ring wing",
        "bed red head bread",
        "sun bun run",
        "sock rock clock",
        "light night kite",
        "train rain brain plane",
        "nose rose toes",
        "book cook hook",
        "fox box",
        "hen pen ten men",
        "duck truck luck",
        "pig wig fig",
        "moth cloth",
        "toe snow crow bow",
    ]
)

# base: third person, past, -ing, objects that make sense
_VERB_ROWS = """
eat eats ate eating apple,pear,carrot,banana,plum,peach,potato,tomato,mango
buy buys bought buying hat,coat,book,lamp,apple,chair,ball,kite,scarf,bike
see sees saw seeing cat,dog,bird,fox,horse,owl,boat,star,train,deer
find finds found finding key,book,ball,hat,coin,map,shoe,ring,nail,glove
carry carries carried carrying box,bag,chair,lamp,book,basket,ladder,melon,drum
draw draws drew drawing cat,circle,house,boat,tree,star,horse,flower,square
clean cleans cleaned cleaning table,car,shirt,window,shoe,lamp,bike,desk,boot
wash washes washed washing car,shirt,apple,cup,hand,sock,dress,dog,plate
read reads read reading book,letter,map,story,poem
write writes wrote writing letter,story,poem,book,song
open opens opened opening door,box,book,window,bag,drawer
close closes closed closing door,box,book,window,bag,drawer
hold holds held holding cup,ball,book,kite,flower,rope,baby,spoon
sell sells sold selling car,hat,lamp,melon,cake,boat,table,guitar
paint paints painted painting wall,chair,fence,boat,door,kite,shelf
fix fixes fixed fixing car,bike,lamp,clock,chair,radio,boat,tap
make makes made making cake,kite,table,soup,doll,hat,puzzle,toy
bring brings brought bringing cup,chair,book,cake,flower,lemon,towel,basket
drop drops dropped dropping cup,plate,ball,egg,key,spoon,glove
watch watches watched watching bird,film,train,cat,duck,game,whale
pull pulls pulled pulling rope,box,cart,door,wagon
push pushes pushed pushing box,cart,door,chair,swing,table
throw throws threw throwing ball,stone,stick,hat
catch catches caught catching ball,fish,bus,mouse,train
hide hides hid hiding key,coin,toy,letter,gift,ball
play plays played playing drum,piano,guitar,flute,violin
cook cooks cooked cooking soup,egg,fish,potato,bean,carrot
cut cuts cut cutting cake,bread,apple,melon,paper,onion,rope
love loves loved loving dog,song,garden,kite,horse,cat
need needs needed needing pen,coat,map,lamp,hammer,spoon
"""
VERBS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    base: (third, past, ing, tuple(objects.split(",")))
    for base, third, past, ing, objects in (row.split() for row in _VERB_ROWS.strip().splitlines())
}
for _row in [
    "walk walks walked walking",
    "jump jumps jumped jumping",
    "sing sings sang singing",
    "run runs ran running",
    "swim swims swam swimming",
    "sleep sleeps slept sleeping",
    "go goes went going",
    "come comes came coming",
    "sit sits sat sitting",
    "stand stands stood standing",
    "talk talks talked talking",
    "dance dances danced dancing",
    "fly flies flew flying",
    "drink drinks drank drinking",
    "give gives gave giving",
    "take takes took taking",
    "think thinks thought thinking",
    "know knows knew knowing",
    "fall falls fell falling",
    "grow grows grew growing",
    "build builds built building",
    "teach teaches taught teaching",
    "lose loses lost losing",
    "win wins won winning",
    "ride rides rode riding",
    "smile smiles smiled smiling",
    "laugh laughs laughed laughing",
    "cry cries cried crying",
    "help helps helped helping",
    "stop stops stopped stopping",
    "wait waits waited waiting",
    "climb climbs climbed climbing",
]:
    _base, _third, _past, _ing = _row.split()
    VERBS[_base] = (_third, _past, _ing, ())

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def number(value: int) -> str:
    """0 to 99 in words."""
    if value < 20:
        return _ONES[value]
    tens, ones = divmod(value, 10)
    return _TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else "")


NUMBERS: dict[str, int] = {number(value): value for value in range(100)}
_IRREGULAR = {
    "mouse": "mice", "goose": "geese", "sheep": "sheep", "deer": "deer", "wolf": "wolves",
    "foot": "feet", "knife": "knives", "shelf": "shelves", "leaf": "leaves", "child": "children",
    "man": "men", "woman": "women", "tooth": "teeth", "fish": "fish", "trout": "trout",
    "salmon": "salmon", "person": "people", "calf": "calves", "loaf": "loaves", "scarf": "scarves",
    "clothing": "clothes", "furniture": "pieces of furniture", "potato": "potatoes",
    "tomato": "tomatoes", "mango": "mangoes",
}  # fmt: skip


def plural(noun: str) -> str:
    """More than one of a noun of this world."""
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if noun.endswith(("s", "sh", "ch", "x", "z")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def article(word: str) -> str:
    """``a`` or ``an``, by the first letter (no word of this world needs the sound)."""
    return "an" if word[0].lower() in "aeiou" else "a"


def comparative(adjective: str, ending: str = "er") -> str:
    """``bigger`` for ``big``."""
    if adjective.endswith("e"):
        return adjective + ending[1:]
    if adjective.endswith("y"):
        return adjective[:-1] + "i" + ending
    short = len(adjective) <= 4 and adjective[-2] in "aeiou" and adjective[-3] not in "aeiou"
    if short and adjective[-1] in "bdgnpt":
        return adjective + adjective[-1] + ending
    return adjective + ending


def superlative(adjective: str) -> str:
    """``biggest`` for ``big``."""
    return comparative(adjective, "est")
