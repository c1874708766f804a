"""What the notebooks share: their settings, calling fathom, showing its tables, drawing its figures, reading pairs."""
import csv
import gzip
import io
import json
import os
import random
import shlex
import subprocess
from pathlib import Path

from IPython.display import Image, Markdown, display

full = os.environ.get("FATHOM_STUDY", "small") == "full"
fathom = os.environ.get("FATHOM", "fathom")
source = Path(os.environ.get("SRCDIR", ".."))
data = Path(os.environ.get("FATHOM_DATA", source / ".." / "shared" / "data"))


def folder(name):
    """Where a notebook's results go."""
    out = Path(os.environ.get("FATHOM_STUDY_FOLDER", name))
    out.mkdir(parents=True, exist_ok=True)
    return out


def fetched(name):
    """A public model, fetched once; its path."""
    done = subprocess.run([str(source / "tests" / "fetch-models"), name], capture_output=True, text=True, check=True)
    return os.path.relpath(done.stdout.split("\n")[0])


def call(words):
    words = [str(word) for word in words]
    print("$ fathom", shlex.join(words))
    done = subprocess.run([fathom, *words, "--quiet"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def run(*words):
    """Runs fathom, shows the command, and returns its table as a list of dicts."""
    lines = [line for line in call(words).splitlines() if line and not line.startswith("#")]
    return list(csv.DictReader(io.StringIO("\n".join(lines)), delimiter="\t", quoting=csv.QUOTE_NONE))


def show(rows, columns):
    """Chosen columns of a table; numbers with four digits."""
    def cell(text):
        try:
            return f"{float(text):.4g}"
        except ValueError:
            return text
    lines = ["|" + "|".join(columns) + "|", "|" + "---|" * len(columns)]
    lines += ["|" + "|".join(cell(row.get(c) or "-") for c in columns) + "|" for row in rows]
    display(Markdown("\n".join(lines)))


def plot(picture, *words):
    """Draws a figure with `fathom plot` and shows it."""
    call(["plot", *words, "-o", picture])
    display(Image(filename=str(picture)))


def read(path):
    """Rows of a JSONL file or a JSON array, plain or gzip."""
    with (gzip.open if str(path).endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
        text = file.read()
    return json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in text.splitlines()]


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def first_turn(row):
    """The prompt of a pair in HH's layout."""
    return row["chosen"].split("\n\nAssistant:")[0]


def words(*texts):
    return sum(len(text.split()) for text in texts)


def hh(name):
    """Pairs of HH with at most 120 words and different answers."""
    return [row for row in read(data / "hh-rlhf" / name)
            if max(words(row["chosen"]), words(row["rejected"])) <= 120 and row["chosen"] != row["rejected"]]


def shuffled_groups(rows, prompt):
    """Lists of the rows that share a prompt, in random order."""
    groups = {}
    for row in rows:
        groups.setdefault(prompt(row), []).append(row)
    keys = sorted(groups)
    random.shuffle(keys)
    return [groups[key] for key in keys]
