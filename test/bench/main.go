//go:build unix

// Command bench measures leakgate beside gitleaks on whole histories: wall time,
// CPU time and peak memory of each process, in turns, as medians and ratios in a
// Markdown table, with the time that git and leakgate's own reader take to do no
// more than read. Both tools search with gitleaks' default rules; leakgate has its
// own besides. With -superset it also compares what they find, with -growth it
// measures histories that it makes, with -rescan what a second scan takes. It prints
// numbers and judges none of them; only a finding of gitleaks that leakgate lacks is
// a failure.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const usage = `usage: bench [-n RUNS] [-superset] [-growth] [-rescan] [-leakgate FILE] [-gitleaks FILE] REPOSITORY...`

// bench is one run of the program.
type bench struct {
	runs     int
	superset bool
	again    bool
	leakgate string
	gitleaks string
	folder   string // temporary: configuration, policy and reports
	engine   string
}

func main() {
	b := bench{}
	flag.IntVar(&b.runs, "n", 5, "how often each tool searches each repository")
	growth := flag.Bool("growth", false, "measure histories of one file that changes again and again")
	flag.BoolVar(&b.again, "rescan", false, "measure only what a scan takes that knows what the one before has learned, on clones")
	read := flag.String("floor", "", "only read every object of the repository at `PATH`")
	flag.BoolVar(&b.superset, "superset", false, "compare the findings too, and fail on one that leakgate lacks")
	flag.StringVar(&b.leakgate, "leakgate", "bin/leakgate", "the leakgate binary")
	flag.StringVar(&b.gitleaks, "gitleaks", "gitleaks", "the gitleaks binary")
	flag.StringVar(&b.engine, "engine", "", "leakgate's engine, when not the default one")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, usage); flag.PrintDefaults() }
	flag.Parse()
	if flag.NArg() == 0 && !*growth && *read == "" || b.runs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := b.start(*read, *growth, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) start(read string, growth bool, repositories []string) error {
	if read != "" {
		return floor(read)
	}
	return b.run(growth, repositories)
}

func (b *bench) run(growth bool, repositories []string) error {
	if err := b.prepare(); err != nil {
		return err
	}
	defer os.RemoveAll(b.folder)
	fmt.Fprintf(os.Stdout, "%s\n\n%s", machine(), b.startup())
	var failures []error
	measure := b.repository
	if b.again {
		measure = b.rescan
	}
	for _, path := range repositories {
		if err := measure(path); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", path, err))
		}
	}
	if growth {
		failures = append(failures, b.growth())
	}
	return errors.Join(failures...)
}

// prepare makes paths absolute, as the tools run in an empty folder, and writes the
// one configuration that both are given, so that no repository's own counts.
func (b *bench) prepare() error {
	for _, binary := range []*string{&b.leakgate, &b.gitleaks} {
		found, err := exec.LookPath(*binary)
		if err != nil {
			return fmt.Errorf("find a binary to measure: %w", err)
		}
		if *binary, err = filepath.Abs(found); err != nil {
			return err
		}
	}
	var err error
	if b.folder, err = os.MkdirTemp("", "leakgate-bench-"); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(b.file("rules.toml"), []byte("[extend]\nuseDefault = true\n"), 0o600),
		os.WriteFile(b.file("policy.yaml"), []byte("version: 1\nlimits: {decode_depth: 5}\n"), 0o600),
		os.WriteFile(b.file("ignore"), nil, 0o600),
		os.Mkdir(b.file("empty"), 0o700))
}

func (b *bench) file(name string) string { return filepath.Join(b.folder, name) }

// machine is what numbers depend on.
func machine() string {
	cpu := "unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(info), "model name"); ok {
			line, _, _ := strings.Cut(rest, "\n")
			cpu = strings.TrimSpace(strings.TrimLeft(line, "\t :"))
		}
	}
	git, _ := exec.Command("git", "version").Output()
	return fmt.Sprintf("%s, %d CPUs, %s/%s, %s, %s", cpu, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH,
		runtime.Version(), strings.TrimSpace(string(git)))
}

// startup is how long the tools take to do nothing.
func (b *bench) startup() string {
	var ours, theirs []sample
	for range 20 {
		a, errA := b.measure(b.leakgate, "version")
		z, errZ := b.measure(b.gitleaks, "version")
		if errA == nil && errZ == nil {
			ours, theirs = append(ours, a), append(theirs, z)
		}
	}
	if len(ours) == 0 {
		return "Neither tool says its version.\n"
	}
	o, t := median(ours), median(theirs)
	return fmt.Sprintf("`version`: leakgate %.1f ms, %.0f MB; gitleaks %.1f ms, %.0f MB (median of %d).\n",
		o.wall.Seconds()*1e3, o.peakMB(), t.wall.Seconds()*1e3, t.peakMB(), len(ours))
}
