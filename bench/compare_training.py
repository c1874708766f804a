"""Training steps of fathom beside PyTorch's, in turn, on the same model and batches with the same threads.

    bench/compare_training.py --python ENVIRONMENT/bin/python MODEL

MODEL is a Hugging Face reward model in float32 (bench/make_reward_model.py). Each comparison starts its contenders side
by side and lets one after the other make a step, so that what else the machine does meets all of them alike; the first
steps warm up. Printed: the median of the seconds and that of the seconds of processor time (summed over threads; the fairer of
the two where other programs run), the fastest peer's median over ours in both, the largest difference of the losses relative
to ours, and each process's peak memory. Threads that wait sleep, on both sides. PyTorch gets glibc's allocator with its memory
kept (never trimmed, no mmap for large arrays) and huge pages; and as its MKL takes slow kernels on processors that are not
Intel's, bench/mkl_intel.c, which makes it take those for AVX-512 (2.3 times as fast on an AMD EPYC), unless --plain-mkl is
given. --preload adds another allocator.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile

MALLOC = {"MALLOC_TRIM_THRESHOLD_": "-1", "MALLOC_MMAP_MAX_": "0", "MALLOC_TOP_PAD_": str(64 << 20),
          "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


class Contender:
    def __init__(self, name, command, environment, warm_up):
        self.warm_up, self.name, self.seconds, self.processor, self.losses, self.peak = warm_up, name, [], [], [], 0.0
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment, stderr=None)
        if self.process.stdout.readline() != "ready\n":
            sys.exit(f"{name}: did not start: {' '.join(command)}")

    def step(self):
        self.process.stdin.write("step\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline().split()
        if len(line) != 4:
            sys.exit(f"{self.name}: stopped")
        self.seconds.append(float(line[0]))
        self.processor.append(float(line[1]))
        self.losses.append(float(line[2]))
        self.peak = float(line[3])

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def medians(self):
        return [statistics.median(samples[self.warm_up:]) for samples in (self.seconds, self.processor)]


def compare(title, contenders, steps, warm_up):
    """contenders: (name, command, environment), the first of them ours."""
    running = [Contender(*contender, warm_up) for contender in contenders]
    for number in range(steps + warm_up):
        for contender in running:
            contender.step()
        print(f"{title}, step {number + 1}:", *(f"{c.name} {c.seconds[-1]:.2f} s," for c in running), file=sys.stderr)
    ours = running[0]
    fastest = [min(times) for times in zip(*(peer.medians() for peer in running[1:]))]
    for c in running:
        difference = max(abs(a - b) / abs(b) for a, b in zip(c.losses, ours.losses))
        ratios = [f"{peer / own:.2f}" if c is ours else "-" for peer, own in zip(fastest, ours.medians())]
        print(title, c.name, *(f"{t:.3f}" for t in c.medians()), *ratios, f"{difference:.1e}", f"{c.peak:.0f}", sep="\t",
              flush=True)
        c.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--python", required=True, help="an interpreter with torch and transformers")
    parser.add_argument("--fathom", default="bench/train", help="our side's program (default: bench/train)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=9, help="steps measured (default: 9)")
    parser.add_argument("--warm-up", type=int, default=2, help="steps before these (default: 2)")
    parser.add_argument("--only", choices=["plain", "anchored", "bfloat16"], help="one comparison alone")
    parser.add_argument("--compile", action="store_true", help="a peer with torch.compile, too")
    parser.add_argument("--plain-mkl", action="store_true", help="leave MKL to choose its kernels")
    parser.add_argument("--preload", help="an allocator's library for PyTorch, such as libtcmalloc_minimal.so.4")
    parser.add_argument("--folder", default=".", help="where the frozen features are written, and removed again")
    args = parser.parse_args()
    environment = dict(os.environ, OMP_NUM_THREADS=str(args.threads), OMP_WAIT_POLICY="passive")
    here = os.path.dirname(os.path.abspath(__file__))
    peer_program = os.path.join(here, "train_peer.py")
    preloaded = [args.preload] if args.preload else []
    scratch = tempfile.TemporaryDirectory()
    if not args.plain_mkl:
        preloaded.append(os.path.join(scratch.name, "mkl_intel.so"))
        subprocess.run(["cc", "-shared", "-fPIC", "-o", preloaded[-1], os.path.join(here, "mkl_intel.c")], check=True)
    peers_environment = {**environment, **({} if args.preload else MALLOC), "LD_PRELOAD": ":".join(preloaded)}

    def ours(name, *more):
        return name, [args.fathom, "--threads", str(args.threads), "--folder", args.folder, *more, args.model], environment

    def peers(name, *more):
        command = [args.python, peer_program, "--threads", str(args.threads), *more, args.model]
        both = [(name, command, peers_environment)]
        if args.compile:
            both.append((name + ", torch.compile", [*command, "--compile"], peers_environment))
        return both

    print(f"# {' '.join(sys.argv)}\n# 8 x 128 tokens, {args.threads} threads, medians of {args.steps} steps in turn; "
          "PyTorch with sdpa, fused AdamW, "
          f"{args.preload or 'glibc malloc (kept, huge pages)'}, MKL's {'own choice' if args.plain_mkl else 'AVX-512'} kernels")
    print("comparison\tprogram\tseconds\tprocessor_seconds\tratio\tprocessor_ratio\tloss_difference\tpeak_mib")
    if args.only in (None, "plain"):
        compare("plain, float32", [ours("fathom"), *peers("PyTorch")], args.steps, args.warm_up)
    if args.only in (None, "anchored"):
        compare("anchored, float32", [ours("fathom", "--anchor", "0.1"), *peers("PyTorch", "--anchor", "0.1")], args.steps, args.warm_up)
    if args.only in (None, "bfloat16"):
        compare("bfloat16 beside float32", [ours("fathom, bfloat16", "--bfloat16"), *peers("PyTorch")], args.steps, args.warm_up)
        compare("bfloat16 on both sides", [ours("fathom, bfloat16", "--bfloat16"), *peers("PyTorch, autocast", "--bfloat16")],
                args.steps, args.warm_up)


main()
