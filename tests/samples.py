"""Rows of each public format, made here: nobody's text."""

import json

N = 20

ALPACA = [
    {"instruction": f"Do {n}.", "input": "it" * (n % 2), "output": f"done {n}"} for n in range(N)
]
DOLLY = [
    {
        "instruction": f"Do {n}.",
        "context": "Facts about it." * (n % 2),
        "response": f"done {n}",
        "category": "closed_qa" if n % 2 else "open_qa",
    }
    for n in range(N)
]
OPENORCA = [
    {
        "id": f"{('flan', 't0', 'niv', 'cot')[n % 4]}.{n}",
        "system_prompt": "Think first." * (n % 2),
        "question": f"Why {n}?",
        "response": f"done {n}",
    }
    for n in range(N)
]
LIMA = [
    {
        "conversations": [f"Why {n}?", f"done {n}", "And?", f"done {n}"][: 2 + n % 2 * 2],
        "source": "x",
    }
    for n in range(N)
]
EVOL = [{"instruction": f"Do {n} well.", "output": f"done {n}"} for n in range(N)]
HH = [
    {
        "chosen": f"\n\nHuman: Why {n}?\n\nAssistant: done {n}",
        "rejected": f"\n\nHuman: Why {n}?\n\nAssistant: No {n}.",
    }
    for n in range(N)
]
SHAREGPT = [
    {
        "id": f"c{n}",
        "conversations": [
            {"from": "human", "value": f"Why is it {n}?"},
            {"from": "gpt", "value": f"done {n}"},
        ]
        * (1 + n % 2),
    }
    for n in range(N)
]
FLAN = [{"inputs": f"Why {n}?", "targets": f"done {n}", "task": "why"} for n in range(N)]
DOCUMENTS = [{"id": f"d{n}", "title": f"Title {n}", "text": f"done {n}"} for n in range(N)]


def message(number, text, *, role="prompter", replies=(), rank=None, **more):
    """A message of OpenAssistant."""
    return {
        "message_id": number, "text": text, "role": role, "lang": "en", "rank": rank,
        "review_result": True, "deleted": False, "synthetic": False, "replies": list(replies),
        **more,
    }  # fmt: skip


def tree(n, prompt=None, **more):
    """A tree of OpenAssistant with one answer, or with the prompt given."""
    answer = message(f"a{n}", f"done {n}", role="assistant", rank=0)
    root = prompt or message(f"p{n}", f"Why {n}?", replies=[answer])
    return {
        "message_tree_id": root["message_id"], "tree_state": "ready_for_export", "prompt": root,
        **more,
    }  # fmt: skip


OASST = [tree(n) for n in range(N)]


def flat(root):
    """The rows of the hub's table: depth first, each with its parent."""
    rows = []

    def walk(node, parent):
        rows.append({k: v for k, v in node.items() if k != "replies"} | {"parent_id": parent})
        for reply in node["replies"]:
            walk(reply, node["message_id"])

    walk(root, None)
    tree_of = {"message_tree_id": root["message_id"], "tree_state": "ready_for_export"}
    return [row | tree_of for row in rows]


def json_line(row):
    """A row as a line of a file."""
    return json.dumps(row) + "\n"
