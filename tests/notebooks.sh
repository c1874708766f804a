#!/bin/sh
# Every notebook of notebooks/ runs on its small settings: with the fathom under test, a tiny model and the shipped pairs.
# Skipped where Jupyter or h5py is missing (Debian: jupyter-nbconvert python3-ipykernel python3-h5py).
. "$SRCDIR/tests/tap.sh"
if ! command -v jupyter-nbconvert >/dev/null 2>&1 || ! /usr/bin/python3 -c "import h5py, ipykernel" 2>/dev/null; then
  skip "no Jupyter here: apt install jupyter-nbconvert python3-ipykernel python3-h5py"
  tap_end
  exit
fi
# A kernel of Debian's Python, whatever else is installed; nothing is read from or written to the user's settings.
export PYTHONDONTWRITEBYTECODE=1 JUPYTER_CONFIG_DIR="$work/config" JUPYTER_DATA_DIR="$work/data" JUPYTER_RUNTIME_DIR="$work/runtime" IPYTHONDIR="$work/ipython"
mkdir -p "$work/data/kernels/python3"
cat >"$work/data/kernels/python3/kernel.json" <<'END'
{"argv": ["/usr/bin/python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "Python 3", "language": "python"}
END
cd "$work" || exit 99
for notebook in "$SRCDIR"/notebooks/*.ipynb; do
  name=$(basename "$notebook" .ipynb)
  FATHOM_STUDY=small FATHOM_STUDY_FOLDER="$work/$name" jupyter-nbconvert --to notebook --execute --log-level ERROR \
    --ExecutePreprocessor.timeout=300 --output-dir "$work/done" "$notebook" >"$name.log" 2>&1
  ok $? "$name: every cell runs"
  [ "$tap_failed" -eq 0 ] || tail -n 20 "$name.log" | sed 's/^/# /'
  # Cells that show a picture or a table must have them among their outputs.
  /usr/bin/python3 - "$notebook" "done/$name.ipynb" <<'END'
import json, sys
asked, done = (json.load(open(path, encoding="utf-8"))["cells"] for path in sys.argv[1:])
def lacks(source, outputs):
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    starts = lambda *names: any(f"\n{name}(" in "\n" + source for name in names)
    return (starts("plot", "draw") and "image/png" not in kinds) or (starts("show") and "text/markdown" not in kinds)
bad = [i for i, (a, b) in enumerate(zip(asked, done, strict=True))
       if a["cell_type"] == "code" and lacks("".join(a["source"]), b["outputs"])]
shown = sum(a["cell_type"] == "code" and lacks("".join(a["source"]), []) for a in asked)
print(f"# {shown} cells show tables or pictures; without: {bad}")
sys.exit(bool(bad) or shown == 0)
END
  ok $? "$name: tables and pictures are there"
done
tap_end
