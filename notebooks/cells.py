"""What the notebooks share: their settings, calling fathom, showing its tables, drawing its figures, reading pairs, editing weights."""
import csv
import gzip
import io
import json
import os
import random
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np

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


def call(words, say=True):
    words = [str(word) for word in words]
    if say:
        print("$ fathom", shlex.join(words))
    done = subprocess.run([fathom, *words, "--quiet"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def table(text):
    """A table of fathom's, or one written by save, as a list of dicts."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return list(csv.DictReader(io.StringIO("\n".join(lines)), delimiter="\t", quoting=csv.QUOTE_NONE))


def run(*words, say=True):
    """Runs fathom, shows the command, and returns its table as a list of dicts."""
    return table(call(words, say))


def made(path, *words, say=True):
    """Runs fathom with -o path, but where that is there already; the path."""
    if not path.exists():
        call([*words, "-o", path], say)
    return path


def save(path, rows, **head):
    """Writes a list of dicts as a table, under '# key: value' lines."""
    lines = [f"# {key}: {value}" for key, value in head.items()] + ["\t".join(rows[0])]
    lines += ["\t".join(str(value) for value in row.values()) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def show(rows, columns):
    """Chosen columns of a table; numbers with four digits."""
    def cell(text):
        try:
            return f"{float(text):.4g}"
        except ValueError:
            return text.replace("|", "\\|")
    lines = ["|" + "|".join(columns) + "|", "|" + "---|" * len(columns)]
    lines += ["|" + "|".join(cell(row.get(c) or "-") for c in columns) + "|" for row in rows]
    display(Markdown("\n".join(lines)))


def plot(picture, *words):
    """Draws a figure with `fathom plot` and shows it."""
    call(["plot", *words, "-o", picture])
    display(Image(filename=str(picture)))


def draw(picture, script, rows, **head):
    """Draws a table of ours with one of fathom's gnuplot scripts, and shows it."""
    data = save(picture.with_suffix(".tsv"), rows, **head)
    subprocess.run([os.environ.get("GNUPLOT", "gnuplot"), "-e", f"data='{data}'; out='{picture}'", str(source / "plots" / script)], check=True)
    display(Image(filename=str(picture)))


def over_seeds(values):
    """Mean and Student's 95 % interval of one value a seed."""
    values = np.asarray(values, float)
    half = {2: 12.706, 3: 4.303}[len(values)] * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return values.mean(axis=0), values.mean(axis=0) - half, values.mean(axis=0) + half


def weights(model, mode="r"):
    """The float32 tensors of a Hugging Face folder, as they lie in the file (mode "r+": to be changed there)."""
    path = Path(model) / "model.safetensors"
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    data = np.memmap(path, np.uint8, mode, offset=8 + size)
    return {name: data[slice(*about["data_offsets"])].view("<f4").reshape(about["shape"])
            for name, about in header.items() if name != "__metadata__"}


def edited(model, copy, change):
    """A copy of a model's folder in which each tensor is what change(name, tensor) says; its path."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for path in Path(model).iterdir():
        if path.name == "model.safetensors" or path.suffix == ".json":
            shutil.copyfile(path, copy / path.name)
    for name, tensor in weights(copy, "r+").items():
        tensor[...] = change(name, tensor)
    return copy


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
