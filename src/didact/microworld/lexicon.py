"""The people, things and facts of the microworld, written for it."""

from __future__ import annotations

__all__ = [
    "ANIMALS",
    "CATEGORIES",
    "CATEGORY_OF",
    "COLOURS",
    "COLOUR_OF",
    "COUNTABLE",
    "DAYS",
    "JOBS",
    "MONTHS",
    "NAMES",
    "NOUNS",
    "PLACES",
    "TOPICS",
    "pronoun",
]

_BOYS = (
    "Tom Ben Sam Max Leo Jack Noah Adam Paul Mark Nick Hugo Omar Ivan Luke Finn Karl Theo "
    "Amir Dan Erik Felix Gus Henry"
)
_GIRLS = (
    "Anna Mia Lily Zoe Emma Sara Kate Lucy Nora Rosa Ella Ruth Jane Maya Vera Ida Clara "
    "Alice Amy Beth Dora Eva Grace Hana"
)
_GENDER = {n: "he" for n in _BOYS.split()} | {n: "she" for n in _GIRLS.split()}
NAMES: tuple[str, ...] = tuple(sorted(_GENDER))


def pronoun(name: str) -> str:
    """``he`` or ``she``."""
    return _GENDER[name]


# name: class, legs, place it lives, size rank (1 smallest), sound, young
_ANIMAL_ROWS = """
ant insect 6 forest 1 - -
bee insect 6 garden 2 buzz -
fly insect 6 house 2 buzz -
moth insect 6 garden 3 - -
beetle insect 6 forest 3 - -
wasp insect 6 garden 3 buzz -
frog amphibian 4 pond 5 croak tadpole
toad amphibian 4 garden 5 croak tadpole
snail mollusc 0 garden 4 - -
mouse mammal 4 house 6 squeak pup
rat mammal 4 city 7 squeak pup
bat mammal 2 cave 6 - pup
mole mammal 4 garden 7 - pup
robin bird 2 garden 6 chirp chick
sparrow bird 2 city 6 chirp chick
crow bird 2 field 9 caw chick
owl bird 2 forest 10 hoot owlet
duck bird 2 pond 11 quack duckling
hen bird 2 farm 11 cluck chick
goose bird 2 farm 13 honk gosling
swan bird 2 lake 15 - cygnet
eagle bird 2 mountain 14 screech eaglet
parrot bird 2 jungle 9 squawk chick
penguin bird 2 sea 14 - chick
rooster bird 2 farm 11 crow chick
trout fish 0 river 9 - -
salmon fish 0 river 11 - -
shark fish 0 sea 28 - pup
tuna fish 0 sea 18 - -
eel fish 0 river 10 - -
lizard reptile 4 desert 6 - -
snake reptile 0 desert 10 hiss -
turtle reptile 4 sea 12 - -
crocodile reptile 4 river 27 - -
rabbit mammal 4 field 10 - kit
squirrel mammal 4 forest 8 - kit
hedgehog mammal 4 garden 8 - -
cat mammal 4 house 12 meow kitten
fox mammal 4 forest 14 - cub
dog mammal 4 house 15 bark puppy
otter mammal 4 river 13 - pup
monkey mammal 2 jungle 15 - -
lamb mammal 4 farm 14 bleat -
sheep mammal 4 farm 17 bleat lamb
goat mammal 4 farm 17 bleat kid
pig mammal 4 farm 19 oink piglet
wolf mammal 4 forest 18 howl cub
deer mammal 4 forest 21 - fawn
seal mammal 0 sea 20 - pup
panda mammal 4 forest 22 - cub
tiger mammal 4 jungle 23 roar cub
lion mammal 4 grassland 24 roar cub
zebra mammal 4 grassland 25 - foal
donkey mammal 4 farm 23 bray foal
cow mammal 4 farm 26 moo calf
horse mammal 4 farm 26 neigh foal
bear mammal 4 forest 25 growl cub
camel mammal 4 desert 27 - calf
giraffe mammal 4 grassland 29 - calf
hippo mammal 4 river 30 - calf
elephant mammal 4 grassland 31 trumpet calf
whale mammal 0 sea 32 - calf
"""
ANIMALS: dict[str, dict[str, str]] = {
    name: {"class": kind, "legs": legs, "home": home, "size": size, "sound": sound, "young": young}
    for name, kind, legs, home, size, sound, young in (
        row.split() for row in _ANIMAL_ROWS.strip().splitlines()
    )
}

_CATEGORY_WORDS = {
    "fruit": "apple pear plum peach cherry grape lemon lime orange banana melon mango kiwi fig "
    "berry apricot coconut pineapple",
    "vegetable": "carrot potato onion tomato cabbage lettuce pea bean corn leek radish pumpkin "
    "spinach cucumber pepper garlic beet celery",
    "drink": "water milk tea coffee juice cocoa lemonade soda",
    "colour": "red blue green yellow black white brown pink purple grey orange gold",
    "clothing": "shirt coat hat sock shoe scarf glove dress skirt jacket belt boot sweater cap "
    "tie vest",
    "furniture": "chair table bed sofa desk shelf lamp bench stool cupboard drawer couch",
    "tool": "hammer saw nail drill axe spade rake ladder wrench brush knife needle",
    "vehicle": "car bus train bike boat ship plane truck tram van taxi tractor rocket",
    "instrument": "drum piano guitar violin flute trumpet harp bell horn cello",
    "body part": "head hand foot arm leg nose ear eye mouth knee finger toe neck back",
    "job": "teacher doctor farmer baker cook driver painter singer nurse pilot sailor writer "
    "builder gardener dentist waiter",
    "sport": "football tennis golf hockey rugby boxing rowing skiing swimming cycling",
    "shape": "circle square triangle star oval cube cone diamond",
    "toy": "doll ball kite puzzle robot puppet marble swing",
}
CATEGORIES: dict[str, tuple[str, ...]] = {
    "animal": tuple(ANIMALS),
    **{name: tuple(words.split()) for name, words in _CATEGORY_WORDS.items()},
}
CATEGORY_OF: dict[str, str] = {}
for _name, _words in CATEGORIES.items():
    for _word in _words:
        CATEGORY_OF.setdefault(_word, _name)
# A word of two categories would have two right answers.
for _word in ("orange", "trumpet", "crow", "back"):
    CATEGORY_OF.pop(_word, None)
NOUNS: tuple[str, ...] = tuple(CATEGORY_OF)
COUNTABLE: tuple[str, ...] = tuple(
    w for w, kind in CATEGORY_OF.items() if kind not in ("sport", "drink", "colour")
)
COLOURS: tuple[str, ...] = tuple(w for w in CATEGORIES["colour"] if w != "orange")

COLOUR_OF: dict[str, str] = dict(
    pair.split(":")
    for pair in [
        "cherry:red",
        "lemon:yellow",
        "banana:yellow",
        "lime:green",
        "pea:green",
        "carrot:orange",
        "tomato:red",
        "cabbage:green",
        "lettuce:green",
        "corn:yellow",
        "spinach:green",
        "cucumber:green",
        "pumpkin:orange",
        "potato:brown",
        "milk:white",
        "coffee:brown",
        "cocoa:brown",
        "snow:white",
        "grass:green",
        "coal:black",
        "sky:blue",
        "blood:red",
        "crow:black",
        "swan:white",
        "frog:green",
        "fox:orange",
        "penguin:black",
        "panda:black",
        "elephant:grey",
        "mouse:grey",
        "bear:brown",
        "coconut:brown",
        "kiwi:green",
        "garlic:white",
        "plum:purple",
        "sun:yellow",
        "strawberry:red",
        "night:black",
        "leaf:green",
        "chocolate:brown",
        "wolf:grey",
    ]
)

PLACES: tuple[str, ...] = tuple(
    [
        "kitchen",
        "garden",
        "school",
        "park",
        "farm",
        "forest",
        "library",
        "market",
        "station",
        "beach",
        "hospital",
        "museum",
        "shop",
        "house",
        "street",
        "village",
        "castle",
        "bakery",
        "office",
        "river",
        "lake",
        "field",
        "barn",
        "cave",
        "hotel",
        "bank",
    ]
)

# job: place of work, what they do, tool
JOBS: dict[str, tuple[str, str, str]] = {
    "teacher": ("school", "teaches children", "book"),
    "doctor": ("hospital", "helps sick people", "needle"),
    "farmer": ("farm", "grows food", "tractor"),
    "baker": ("bakery", "bakes bread", "oven"),
    "cook": ("kitchen", "cooks meals", "pan"),
    "driver": ("bus", "drives people", "car"),
    "painter": ("studio", "paints pictures", "brush"),
    "singer": ("stage", "sings songs", "voice"),
    "nurse": ("hospital", "cares for people", "bandage"),
    "pilot": ("plane", "flies planes", "map"),
    "sailor": ("ship", "sails the sea", "rope"),
    "writer": ("desk", "writes books", "pen"),
    "builder": ("building", "builds houses", "hammer"),
    "gardener": ("garden", "plants flowers", "spade"),
    "dentist": ("clinic", "cleans teeth", "drill"),
    "waiter": ("restaurant", "serves food", "tray"),
}

DAYS: tuple[str, ...] = tuple(
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
)
MONTHS: tuple[str, ...] = tuple(
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
)

TOPICS: dict[str, tuple[str, ...]] = {
    "weather": (
        "The rain fell all night.",
        "It is a hot and sunny day.",
        "A cold wind blows from the sea.",
        "There is snow on every roof.",
        "Dark clouds cover the sky.",
        "The storm broke two trees.",
    ),
    "food": (
        "The soup needs more salt.",
        "We had bread and cheese for lunch.",
        "This cake is sweet and soft.",
        "She cooks rice with beans.",
        "The pie is still in the oven.",
        "He ate two eggs this morning.",
    ),
    "sport": (
        "Our team won the match.",
        "She kicked the ball into the goal.",
        "He runs ten laps each day.",
        "The players shook hands after the game.",
        "They trained hard for the race.",
        "The coach blew her whistle.",
    ),
    "music": (
        "The band played three songs.",
        "She sings in a choir.",
        "He practised the piano for an hour.",
        "The drum was too loud.",
        "We danced to an old tune.",
        "Her new violin sounds warm.",
    ),
}
