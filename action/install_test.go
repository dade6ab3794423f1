package action

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// installer runs scripts/action-install with the tools of a folder only, among
// them a curl that serves a file and remembers how it was called.
type installer struct {
	t                    *testing.T
	action, tools, state string
	env                  map[string]string
}

func newInstaller(t *testing.T) *installer {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the tools of this test are shell scripts")
	}
	in := &installer{t: t, action: t.TempDir(), tools: t.TempDir(), state: t.TempDir()}
	for _, name := range []string{"bash", "mktemp", "dirname", "basename", "chmod", "mkdir", "mv", "cp", "sha256sum", "shasum", "perl"} {
		if path, err := exec.LookPath(name); err == nil {
			os.Symlink(path, filepath.Join(in.tools, name))
		} else if name == "bash" {
			t.Skip("this test needs bash")
		}
	}
	in.env = map[string]string{
		"PATH": in.tools, "GITHUB_ACTION_PATH": in.action, "GITHUB_OUTPUT": filepath.Join(in.state, "output"),
		"RUNNER_TEMP": in.state, "RUNNER_TOOL_CACHE": filepath.Join(in.state, "tool cache"), "RUNNER_OS": "Linux", "RUNNER_ARCH": "X64",
	}
	in.serve("the binary")
	return in
}

func (in *installer) tool(name, script string) {
	in.t.Helper()
	if err := os.WriteFile(filepath.Join(in.tools, name), []byte("#!"+filepath.Join(in.tools, "bash")+"\n"+script), 0o755); err != nil {
		in.t.Fatal(err)
	}
}

// serve makes curl write this content.
func (in *installer) serve(content string) {
	os.WriteFile(filepath.Join(in.state, "served"), []byte(content), 0o600)
	in.tool("curl", `printf '%s\n' "$*" >>`+in.state+`/calls
while [ $# -gt 0 ]; do [ "$1" = --output ] && cp `+in.state+`/served "$2"; shift; done`)
}

func (in *installer) calls() string {
	text, _ := os.ReadFile(filepath.Join(in.state, "calls"))
	return string(text)
}

func (in *installer) checksums(lines ...string) {
	os.WriteFile(filepath.Join(in.action, "checksums.txt"), []byte(strings.Join(lines, "\n")+"\n"), 0o644)
}

func digest(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }

// run gives the exit code, what was printed, and the output "binary".
func (in *installer) run() (code int, said, binary string) {
	in.t.Helper()
	os.Remove(in.env["GITHUB_OUTPUT"])
	script, err := filepath.Abs("../scripts/action-install")
	if err != nil {
		in.t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(in.tools, "bash"), script)
	cmd.Dir = in.state
	for name, value := range in.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		in.t.Fatal(err)
	}
	text, _ := os.ReadFile(in.env["GITHUB_OUTPUT"])
	binary, _ = strings.CutPrefix(strings.TrimSuffix(string(text), "\n"), "binary=")
	return cmd.ProcessState.ExitCode(), string(out), binary
}

// refuses checks that the script ends with an error and offers no binary.
func (in *installer) refuses(want string) {
	in.t.Helper()
	code, said, binary := in.run()
	if code != 3 || binary != "" || !strings.HasPrefix(said, "::error title=leakgate::") || !strings.Contains(said, want) {
		in.t.Errorf("exit %d, binary %q, want an error with %q:\n%s", code, binary, want, said)
	}
}

// gives checks that the script offers a binary with this content that can be run.
func (in *installer) gives(content string) string {
	in.t.Helper()
	code, said, binary := in.run()
	text, err := os.ReadFile(binary)
	if code != 0 || err != nil || string(text) != content {
		in.t.Fatalf("exit %d, %q holds %q (%v)\n%s", code, binary, text, err, said)
	}
	if info, err := os.Stat(binary); err != nil || info.Mode()&0o111 == 0 {
		in.t.Errorf("%s cannot be run (%v)", binary, err)
	}
	return binary
}

func TestAReleaseIsDownloadedOverHTTPSOnlyAndKept(t *testing.T) {
	in := newInstaller(t)
	in.checksums(digest("other")+"  leakgate_1.2.3_linux_arm64", digest("the binary")+"  leakgate_1.2.3_linux_amd64",
		digest("archive")+"  leakgate_1.2.3_linux_amd64.tar.gz")
	binary := in.gives("the binary")
	if want := filepath.Join(in.state, "tool cache", "leakgate", digest("the binary"), "leakgate"); binary != want {
		t.Errorf("%s, want %s", binary, want)
	}
	call := in.calls()
	for _, want := range []string{"-q ", "--fail", "--proto =https", "--proto-redir =https", "--retry",
		" https://github.com/leakgate/leakgate/releases/download/v1.2.3/leakgate_1.2.3_linux_amd64\n"} {
		if !strings.Contains(call, want) {
			t.Errorf("curl was called without %q: %s", want, call)
		}
	}
	in.gives("the binary")
	if in.calls() != call {
		t.Error("what was kept is downloaded again")
	}
	os.Chmod(binary, 0o755)
	os.WriteFile(binary, []byte("tampered"), 0o755)
	in.gives("the binary")
}

func TestABinaryWithAnotherDigestIsNeverOffered(t *testing.T) {
	in := newInstaller(t)
	in.checksums(digest("the binary") + "  leakgate_1.2.3_linux_amd64")
	in.serve("another binary")
	in.refuses("is not what checksums.txt says")
	filepath.WalkDir(in.state, func(path string, entry os.DirEntry, _ error) error {
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			t.Errorf("%s can be run", path)
		}
		return nil
	})
	in.tool("curl", "exit 22")
	in.refuses("could not be downloaded")
}

func TestEveryRunnerHasItsAsset(t *testing.T) {
	for runner, asset := range map[string]string{
		"Linux X64": "linux_amd64", "Linux ARM64": "linux_arm64", "macOS X64": "darwin_amd64", "macOS ARM64": "darwin_arm64",
		"Windows X64": "windows_amd64.exe", "Windows ARM64": "windows_arm64.exe",
	} {
		in := newInstaller(t)
		in.env["RUNNER_OS"], in.env["RUNNER_ARCH"], _ = strings.Cut(runner, " ")
		in.checksums(digest("the binary") + "  leakgate_1.2.3-rc.1_" + asset + "\r")
		if binary := in.gives("the binary"); strings.HasSuffix(asset, ".exe") != strings.HasSuffix(binary, ".exe") {
			t.Errorf("%s: %s", runner, binary)
		}
		if !strings.Contains(in.calls(), "/v1.2.3-rc.1/leakgate_1.2.3-rc.1_"+asset+"\n") {
			t.Errorf("%s: %s", runner, in.calls())
		}
	}
}

func TestChecksumsThatSayNothingClearAreRefused(t *testing.T) {
	in := newInstaller(t)
	sum := digest("the binary")
	for _, lines := range [][]string{
		{""},
		{sum + "  leakgate_1.2.3_linux_arm64"},
		{sum + "  leakgate_1.2.3_linux_amd64.exe"},
		{sum + "  leakgate_1.2.3;touch x_linux_amd64"},
		{sum + "  leakgate_../../x_linux_amd64"},
		{sum[1:] + "  leakgate_1.2.3_linux_amd64"},
		{strings.ToUpper(sum) + "x  leakgate_1.2.3_linux_amd64"},
	} {
		in.checksums(lines...)
		in.refuses("names no binary for linux and amd64")
	}
	in.checksums(sum+"  leakgate_1.2.3_linux_amd64", sum+"  leakgate_1.2.4_linux_amd64")
	in.refuses("names two binaries")
	in.env["RUNNER_ARCH"] = "ARM"
	in.refuses("this processor has no release")
	in.env["RUNNER_OS"] = "Plan9"
	in.refuses("this operating system has no release")
	if in.calls() != "" {
		t.Errorf("something was downloaded: %s", in.calls())
	}
}

func TestANamedBinaryIsTakenAsItIs(t *testing.T) {
	in := newInstaller(t)
	in.checksums(digest("the binary") + "  leakgate_1.2.3_linux_amd64")
	in.env["RUNNER_OS"] = "Plan9" // nobody asks
	in.env["INPUT_BINARY_PATH"] = "my tools/leak gate"
	in.refuses("names no file")
	path := filepath.Join(in.state, "my tools", "leak gate")
	os.MkdirAll(filepath.Dir(path), 0o755)
	os.WriteFile(path, []byte("mine"), 0o644)
	in.refuses("chmod +x")
	os.Chmod(path, 0o755)
	in.gives("mine")
	in.env["INPUT_BINARY_PATH"] = path
	in.gives("mine")
	odd := filepath.Join(in.state, "a\nbinary=x")
	os.WriteFile(odd, []byte("odd"), 0o755)
	in.env["INPUT_BINARY_PATH"] = odd
	in.refuses("holds a line end")
	if in.calls() != "" {
		t.Error("something was downloaded")
	}
}

func TestACommitThatIsNoReleaseIsBuiltWhereGoIs(t *testing.T) {
	in := newInstaller(t)
	in.refuses("no Go to build it")
	in.tool("go", `printf '%s\n' "$PWD $*" >>`+in.state+`/calls
while [ $# -gt 0 ]; do [ "$1" = -o ] && { printf built >"$2"; chmod 755 "$2"; }; shift; done`)
	in.gives("built")
	if want := in.action + " build -trimpath -buildvcs=false -o "; !strings.HasPrefix(in.calls(), want) || !strings.HasSuffix(in.calls(), " ./cmd/leakgate\n") {
		t.Errorf("go was called as %q", in.calls())
	}
	in.tool("go", "exit 1")
	in.refuses("could not be built")
}
