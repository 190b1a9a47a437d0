"""The command line: the same specs, computations and messages as the app, without a browser.

Heavy libraries are imported inside the commands that need them, so that `summary` and `--help` start quickly.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import runpy
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from vpc2 import checking, codec
from vpc2.bundled_files import resource
from vpc2.number_format import write_number
from vpc2.text import LANGUAGES, Refusal, Text, clean_name, from_stored
from vpc2.version import APP

_NO_FILE = Text("There is no file “{name}”.")
_NO_SUCH = Text("“{name}” is neither a preset ({presets}), nor a JSON file, nor a link.")
_NO_CLASSIFIER = Text("“{name}” is neither a run folder, nor a safetensors file, nor “imagenet”.")
_TAKEN = Text("The folder “{name}” holds a run already; choose another one.")
_DRAWS = Text("The number of draws must lie between 1 and {most}.")
_NO_BENCH = Text("The comparisons lie in tests/benchmarks of the project's folder: run this command from there.")
MAX_DRAWS = 1000


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 2 with one sentence on standard error."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or _is_streamlit_option(arguments[0]):
        return start_app(arguments)
    args = _parser().parse_args(arguments)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        return args.run(args) or 0
    except Refusal as refusal:
        print(refusal.text.say(args.lang), file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output (`| head`) closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0


def _is_streamlit_option(argument: str) -> bool:
    """True for an option of Streamlit, such as `--server.port=8600`; all of them have a dot in their name, and none of ours has."""
    return argument.startswith("--") and "." in argument.partition("=")[0]


def start_app(options: list[str]) -> int:
    """Serve the app in this process until it is stopped, as `streamlit run streamlit_app.py` does, from whatever folder.

    Streamlit reads `.streamlit/config.toml` beside the script, so an installed package has the settings of a checkout.
    """
    sys.argv = ["streamlit", "run", str(resource("streamlit_app.py")), *options]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    spoken = (os.environ.get("LC_ALL") or os.environ.get("LANG") or "en")[:2]
    parser = argparse.ArgumentParser(
        prog="vpc2",
        description="The visual playground of computer vision. Without a command the app starts in a browser, and options of Streamlit "
        "are passed on (--server.port=8600). The commands do without a browser.",
    )
    parser.add_argument("--version", action="version", version=APP)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int | None], words: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=words, description=words)
        added.set_defaults(run=run)
        added.add_argument("--lang", choices=LANGUAGES, default=spoken if spoken in LANGUAGES else "en", help="language of what is said")
        return added

    summary = command("summary", _summary, "Shapes, parameters, multiply-adds and receptive field of every layer of a net.")
    summary.add_argument("net", metavar="NET", help="a preset's name, a JSON file or a link")
    _add_json(summary)
    augment = command("augment", _augment, "Draw augmented copies of photographs.")
    augment.add_argument("pipeline", metavar="PIPELINE", help="a preset's name, a JSON file or a link")
    augment.add_argument("images", metavar="IMAGE", nargs="+", type=Path)
    augment.add_argument("--draws", type=int, default=4, metavar="N", help="draws of each photograph (4)")
    augment.add_argument("--seed", type=int, default=None, metavar="S", help="seed instead of the pipeline's own")
    augment.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the pictures and manifest.csv")
    train = command("train", _train, "Train a recipe into a run folder.")
    train.add_argument("recipe", metavar="RECIPE", help="a preset's name (hands, hands-augmented, digits…), a JSON file or a link")
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="the run folder to make")
    _add_json(train, "print every event as it happens, one JSON object a line")
    evaluate = command("evaluate", _evaluate, "Accuracy of a classifier over a folder with one folder a class, plain and with views.")
    evaluate.add_argument("classifier", metavar="CLASSIFIER", help="a run folder, a safetensors file or “imagenet”")
    evaluate.add_argument("folder", metavar="FOLDER", type=Path)
    _add_views(evaluate)
    _add_json(evaluate)
    predict = command("predict", _predict, "What a classifier says of single pictures, view by view.")
    predict.add_argument("classifier", metavar="CLASSIFIER", help="a run folder, a safetensors file or “imagenet”")
    predict.add_argument("images", metavar="IMAGE", nargs="+", type=Path)
    _add_views(predict)
    _add_json(predict, "one JSON object a line, one a picture")
    check = command(
        "check", _check, "What the app would do with a file: accept, note, partial or refuse, and the sentence a visitor would read."
    )
    check.add_argument("files", metavar="FILE", nargs="+", type=Path)
    _add_json(check, "one JSON object a line, one a file")
    bench = command("bench", _bench, "Every comparison with a peer, both sides in turns in one process, as one table.")
    bench.add_argument("--turns", type=int, default=7, metavar="N", help="turns of each comparison (7)")
    bench.add_argument("--only", default="", metavar="WORDS", help="comparisons whose work or peer holds these words")
    bench.add_argument("--write", action="store_true", help="write the table into the README")
    return parser


def _bench(args: argparse.Namespace) -> None:
    script = resource("tests", "benchmarks", "table.py")
    if not script.is_file():
        raise Refusal(_NO_BENCH)
    sys.argv = [str(script), f"--turns={args.turns}", f"--only={args.only}", *(["--write"] if args.write else [])]
    runpy.run_path(str(script), run_name="__main__")


def _add_json(parser: argparse.ArgumentParser, words: str = "print one JSON document") -> None:
    parser.add_argument("--json", action="store_true", help=words)


def _add_views(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tta", metavar="VIEWS", default=None, help="a set of views (standard, flip…) or views separated by commas")


def read_spec(source: str, kind: str, table: Any, attribute: str) -> Any:
    """Return the spec named by a preset, a JSON file or a link; of a link the token alone is accepted."""
    if source in table or source in getattr(table, "_aliases", {}):
        return getattr(table[source], attribute)
    path = Path(source)
    if _is_there(path):
        return codec.from_json(_read(path, codec.MAX_JSON_BYTES + 1), kind).spec
    query = parse_qs(urlsplit(source).query)
    if "s" in query:
        return codec.from_token(query["s"][0], kind).spec
    if path.suffix == ".json":
        raise Refusal(_NO_FILE.fill(name=clean_name(source)))
    if len(source) > 24 and "/" not in source:
        return codec.from_token(source, kind).spec
    raise Refusal(_NO_SUCH.fill(name=clean_name(source), presets=", ".join(table)))


def _is_there(path: Path) -> bool:
    """True for an existing file or folder; False for names that are too long (such as tokens of links) or contain a null byte."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _read(path: Path, count_bytes: int) -> bytes:
    """Return at most `count_bytes` bytes of a file."""
    try:
        with path.open("rb") as file:
            return file.read(count_bytes)
    except OSError:
        raise Refusal(_NO_FILE.fill(name=clean_name(path.name))) from None


def _print_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, allow_nan=False), flush=True)


def _number(value: int, lang: str) -> str:
    return write_number(value, lang)


def _summary(args: argparse.Namespace) -> None:
    from vpc2.nets.presets import NETS
    from vpc2.nets.summary.summarise import summarise

    net = read_spec(args.net, "net", NETS, "net")
    summary = summarise(net)
    if args.json:
        layers = [
            {
                "name": facts.name,
                "kind": facts.kind,
                "output": list(facts.output) if facts.output else None,
                "params": facts.params,
                "macs": facts.macs,
                "receptive_field": facts.receptive_field,
            }
            for facts in summary.layers
        ]
        _print_json(
            {
                "name": net.name,
                "input": list(net.input),
                "params": summary.params,
                "macs": summary.macs,
                "layers": layers,
                "problem": summary.problem.text.say(args.lang) if summary.problem else None,
            }
        )
    else:
        print(f"{'':24}{'(C, H, W)':>20}{'params':>16}{'multiply-adds':>18}{'receptive field':>17}")
        for facts in summary.layers:
            shape = str(facts.output) if facts.output else "-"
            params, macs = _number(facts.params, args.lang), _number(facts.macs, args.lang)
            print(f"{facts.name:24}{shape:>20}{params:>16}{macs:>18}{facts.receptive_field:>17}")
        print(f"{'':24}{'':>20}{_number(summary.params, args.lang):>16}{_number(summary.macs, args.lang):>18}")
    if summary.problem:
        raise Refusal(summary.problem.text)


def _augment(args: argparse.Namespace) -> None:
    from vpc2.augment.pipeline import draw_images
    from vpc2.augment.presets import PIPELINES
    from vpc2.augment.spec import SEED
    from vpc2.images.encode import to_jpeg, to_tensor
    from vpc2.system.device import pick_device

    pipeline = read_spec(args.pipeline, "pipeline", PIPELINES, "pipeline")
    if args.seed is not None:
        pipeline = replace(pipeline, seed=SEED.clean(args.seed))
    if not 1 <= args.draws <= MAX_DRAWS:
        raise Refusal(_DRAWS.fill(most=MAX_DRAWS))
    photos = [checking.read_photo(path) for path in args.images]
    args.out.mkdir(parents=True, exist_ok=True)
    with (args.out / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        manifest = csv.writer(file, lineterminator="\n")
        manifest.writerow(["file", "source", "draw", "seed", "step", "op", "applied", "values"])
        for i, photo in enumerate(photos):
            draws = draw_images(pipeline, to_tensor(photo.pixels), args.draws, image_key=photo.digest, device=pick_device())
            for number, draw in enumerate(draws):
                name = f"{i:03d}_{number:03d}.jpg"
                (args.out / name).write_bytes(to_jpeg(draw.image))
                rows: list[tuple[object, ...]] = [
                    (step.step_id, step.op, int(step.is_applied), json.dumps(dict(step.values))) for step in draw.steps
                ]
                for row in rows or [("", "", "", "")]:
                    manifest.writerow([name, photo.name, number, pipeline.seed, *row])
    print(f"{len(photos) * args.draws} → {args.out}")


def _train(args: argparse.Namespace) -> int:
    from vpc2.training.experiments.comparison import share_of_test
    from vpc2.training.presets import RECIPES
    from vpc2.training.queue.worker import train
    from vpc2.training.runs.store import make_run

    recipe = read_spec(args.recipe, "recipe", RECIPES, "recipe")
    try:
        run = make_run(args.out, recipe)
    except FileExistsError:
        raise Refusal(_TAKEN.fill(name=clean_name(args.out.name))) from None
    ended: dict[str, Any] = {}

    def listen(event: dict[str, Any]) -> None:
        if event["type"] == "end":
            ended.update(event)
        if args.json:
            _print_json(event)
        elif event["type"] == "epoch":
            accuracy = event.get("val_accuracy")
            print(
                f"{event['t']:7.1f} s  {event['epoch']:4d}  loss {event['train_loss']:.4f}"
                + (f"  val {accuracy:.4f}" if accuracy is not None else "")
            )

    state = train(run, listen)
    reason = ended.get("reason")
    if state == "failed" and reason:
        raise Refusal(from_stored(reason))
    if not args.json and ended.get("test_accuracy") is not None:
        share = share_of_test(ended)
        print(f"test {ended['test_accuracy']:.4f}" + (f"  {share.text.say(args.lang)}" if share is not None else ""))
    return 0 if state in ("finished", "stopped", "paused") else 2


def _views(args: argparse.Namespace) -> list[str]:
    from vpc2.predict.tta.views import parse_views

    return list(parse_views(args.tta)) if args.tta else ["identity"]


def _classifier(name: str) -> Any:
    from vpc2.predict.classifier_ref import ClassifierRef
    from vpc2.predict.opening import open_classifier

    ref = ClassifierRef.from_command_line(name)
    if isinstance(ref, Path) and not _is_there(ref):
        raise Refusal(_NO_CLASSIFIER.fill(name=clean_name(name)))
    return open_classifier(ref)


def _evaluate(args: argparse.Namespace) -> None:
    from vpc2.data.folder_or_zip import load_folder
    from vpc2.predict.evaluation import TestPredictions, predict_set

    classifier, views = _classifier(args.classifier), _views(args)
    data = load_folder(args.folder, classifier.preprocessing.size_px)
    predictions = predict_set(TestPredictions, classifier, data, views)
    plain, merged = predictions.plain, predictions.merged(chosen=views)
    share, tta_share, paired = predictions.accuracy(plain), predictions.accuracy(merged), predictions.compare(plain, merged)
    ms, tta_ms = predictions.view_ms[0], sum(predictions.view_ms[predictions.views.index(view)] for view in views)
    document = {
        "n": len(predictions),
        "accuracy": share.share,
        "accuracy_interval": [share.low, share.high],
        "tta_accuracy": tta_share.share,
        "tta_accuracy_interval": [tta_share.low, tta_share.high],
        "ms": ms,
        "tta_ms": tta_ms,
        "views": views,
        "fixed": paired.fixed,
        "broken": paired.broken,
        "skipped": [[name, text.say(args.lang)] for name, text in data.skipped],
    }
    if args.json:
        _print_json(document)
    else:
        print(f"accuracy {share.text.say(args.lang)} ({ms:.2f} ms)  with views {tta_share.text.say(args.lang)} ({tta_ms:.2f} ms)")
        for name, text in data.skipped:
            print(f"{name}: {text.say(args.lang)}", file=sys.stderr)


def _predict(args: argparse.Namespace) -> None:
    from vpc2.predict.tta.predict import merge_mean, predict_views

    classifier, views = _classifier(args.classifier), _views(args)
    for path in args.images:
        images = classifier.prepare([checking.read_photo(path).pixels])
        started = time.perf_counter()
        plain = classifier.probabilities(images)[0]
        plain_ms = 1000 * (time.perf_counter() - started)
        started = time.perf_counter()
        predictions = predict_views(classifier, images, views)
        merged = merge_mean(predictions)[0]
        tta_ms = 1000 * (time.perf_counter() - started)
        document = {
            "file": str(path),
            **_top(classifier, plain),
            "ms": plain_ms,
            "tta": _top(classifier, merged),
            "tta_ms": tta_ms,
            "views": [{"view": view, **_top(classifier, predictions.probabilities[v][0])} for v, view in enumerate(views)],
        }
        if args.json:
            _print_json(document)
        else:
            print(
                f"{path}: {document['class']} {document['probability']:.3f}, with views {document['tta']['class']} "
                f"{document['tta']['probability']:.3f}"
            )
            for view in document["views"] if len(views) > 1 else ():
                print(f"  {view['view']:24} {view['class']} {view['probability']:.3f}")


def _top(classifier: Any, shares: Any, count: int = 5) -> dict[str, Any]:
    ranked = sorted(range(len(classifier.classes)), key=lambda i: -float(shares[i]))[:count]
    top = [{"class": classifier.classes[i], "probability": float(shares[i])} for i in ranked]
    return {**top[0], "top": top}


def _check(args: argparse.Namespace) -> None:
    for path in args.files:
        verdict = checking.check_file(path)
        if args.json:
            _print_json({"file": str(path), "verdict": verdict.verdict, "kind": verdict.kind, "sentence": verdict.text.say(args.lang)})
        else:
            print(f"{path}: {verdict.verdict} ({verdict.kind}) {verdict.text.say(args.lang)}")
