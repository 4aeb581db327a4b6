package cmd_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// wants skips the test where a program is not installed; in CI, where everything is, it fails.
func wants(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed", program)
		}
		t.Skipf("%s is not installed", program)
	}
}

// names are those of all binaries.
func names(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(bin)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".exe"))
	}
	return names
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Install puts everything where a system looks for it, and uninstall takes it all away.
func TestInstall(t *testing.T) {
	wants(t, "sh")
	prefix := filepath.Join(t.TempDir(), "usr")
	command(t, "sh", "../packaging/install.sh", "install", bin, prefix)
	for _, name := range names(t) {
		for _, path := range []string{
			"bin/" + name, "share/man/man1/" + name + ".1", "share/bash-completion/completions/" + name,
			"share/zsh/site-functions/_" + name, "share/fish/vendor_completions.d/" + name + ".fish",
		} {
			if info, err := os.Stat(filepath.Join(prefix, path)); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v", path, err)
			}
		}
		if out := command(t, filepath.Join(prefix, "bin", name), "--version"); !strings.HasPrefix(out, name+" ") {
			t.Errorf("%s --version: %q", name, out)
		}
	}
	command(t, "sh", "../packaging/install.sh", "uninstall", bin, prefix)
	filepath.WalkDir(prefix, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			t.Errorf("%s is left behind", path)
		}
		return err
	})
}

// The man pages are such that mandoc has nothing to say against them, and man shows them.
func TestManPages(t *testing.T) {
	wants(t, "mandoc", "man")
	for _, name := range names(t) {
		page := filepath.Join(t.TempDir(), name+".1")
		if err := os.WriteFile(page, []byte(command(t, filepath.Join(bin, name), "--help-man")), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("mandoc", "-Tlint", "-Wwarning", page).CombinedOutput(); err != nil {
			t.Errorf("mandoc: %v\n%s", err, out)
		}
		text := command(t, "man", "-l", page)
		for _, want := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "SEE ALSO"} {
			if !strings.Contains(text, "\n"+want+"\n") {
				t.Errorf("%s: no %s in\n%s", name, want, text)
			}
		}
	}
}

func TestUnits(t *testing.T) {
	wants(t, "systemd-analyze")
	units, err := filepath.Glob("../packaging/systemd/*")
	if err != nil || len(units) < 2 {
		t.Fatalf("%q, %v", units, err)
	}
	dir := t.TempDir()
	args := []string{"verify", "--man=no"}
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		// The programs are looked for, and here they lie elsewhere.
		text = []byte(strings.ReplaceAll(string(text), "/usr/bin/", bin+"/"))
		path := filepath.Join(dir, filepath.Base(unit))
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	if out := command(t, "systemd-analyze", args...); strings.Contains(out, dir) {
		t.Error(out)
	}
}

// The container has no libraries: the binaries must not ask for any.
func TestBinariesStandAlone(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("ELF files are Linux's")
	}
	for _, name := range names(t) {
		f, err := elf.Open(filepath.Join(bin, name))
		if err != nil {
			t.Fatal(err)
		}
		libraries, err := f.ImportedLibraries()
		if err != nil || len(libraries) > 0 {
			t.Errorf("%s needs %q, %v", name, libraries, err)
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP {
				t.Errorf("%s needs a loader", name)
			}
		}
		f.Close()
	}
}

func TestShellScripts(t *testing.T) {
	wants(t, "shellcheck")
	for _, pattern := range []string{"../packaging/*.sh", "../demo/*.sh", "../bench/*.sh", "../.ci/run"} {
		scripts, _ := filepath.Glob(pattern)
		for _, script := range scripts {
			if out, err := exec.Command("shellcheck", "-S", "warning", script).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", script, err, out)
			}
		}
	}
}
