// Dist makes what is published of a version: an archive for each system and processor, .deb and
// .rpm packages for Linux, and the checksums of them all. What it makes depends on the source and
// nothing else: made again, anywhere, it is the same to the byte.
//
//	go run ./packaging/dist [-out dist] [-version 1.2.3] [-only linux/amd64] [-packages=false]
package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

var targets = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

// docs go into every archive and package.
var docs = []string{"README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md", "docs"}

func main() {
	d := dist{}
	flag.StringVar(&d.out, "out", "dist", "where to")
	flag.StringVar(&d.version, "version", "", "the version; by default, what git describes")
	only := flag.String("only", "", "one system and processor, as linux/amd64")
	packages := flag.Bool("packages", true, "make .deb and .rpm too")
	flag.Parse()
	if err := d.make(*only, *packages); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

type dist struct {
	out     string
	version string
	when    time.Time // every file's time
	made    []string
}

func (d *dist) make(only string, packages bool) error {
	if d.version == "" {
		d.version = output("git", "describe", "--tags", "--always", "--dirty")
	}
	if d.version == "" {
		d.version = "dev"
	}
	var err error
	if d.when, err = when(); err != nil {
		return err
	}
	os.Setenv("SOURCE_DATE_EPOCH", strconv.FormatInt(d.when.Unix(), 10))
	os.Setenv("CGO_ENABLED", "0")
	work, err := os.MkdirTemp("", "sess-dist-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.MkdirAll(d.out, 0o755); err != nil {
		return err
	}

	// The man pages and completions are the same everywhere; the tools of this machine make them.
	share := filepath.Join(work, "share")
	host := filepath.Join(work, "host")
	if err := d.build(runtime.GOOS, runtime.GOARCH, host); err != nil {
		return err
	}
	if err := run(nil, "sh", "packaging/pages.sh", host, share); err != nil {
		return err
	}
	for _, target := range targets {
		if only != "" && only != target {
			continue
		}
		system, processor, _ := strings.Cut(target, "/")
		bin := filepath.Join(work, system+"-"+processor)
		if err := d.build(system, processor, bin); err != nil {
			return err
		}
		if err := d.archive(system, processor, bin, share); err != nil {
			return err
		}
		if packages && system == "linux" {
			if err := d.packages(processor, bin, share, filepath.Join(work, "stage-"+processor)); err != nil {
				return err
			}
		}
	}
	return d.sums()
}

// when is the time of the version's last change, or what SOURCE_DATE_EPOCH says.
func when() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		text = output("git", "log", "-1", "--format=%ct")
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("no time of the last change: set SOURCE_DATE_EPOCH to seconds since 1970")
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func (d *dist) build(system, processor, bin string) error {
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	flags := "-s -w -buildid= -X sess/lib/cli.version=" + d.version
	return run([]string{"GOOS=" + system, "GOARCH=" + processor}, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", bin+string(filepath.Separator), "./cmd/...")
}

// archive packs the tools with their pages, as one types paths on that system.
func (d *dist) archive(system, processor, bin, share string) error {
	name := fmt.Sprintf("sess-%s-%s-%s", d.version, system, processor)
	var files []file
	add := func(from, to string) error {
		found, err := tree(from, to)
		files = append(files, found...)
		return err
	}
	parts := [][2]string{{bin, name + "/bin"}, {share, name + "/share"}}
	if system == "linux" {
		parts = append(parts, [2]string{"packaging/systemd", name + "/systemd"})
	}
	for _, doc := range docs {
		parts = append(parts, [2]string{doc, name + "/" + doc})
	}
	for _, p := range parts {
		if err := add(p[0], p[1]); err != nil {
			return err
		}
	}
	var packed bytes.Buffer
	write, suffix := writeTar, ".tar.gz"
	if system == "windows" {
		write, suffix = writeZip, ".zip"
	}
	if err := write(&packed, files, d.when); err != nil {
		return fmt.Errorf("packing %s: %w", name, err)
	}
	return d.keep(name+suffix, packed.Bytes())
}

// packages makes the .deb and the .rpm. Debian's zsh looks for completions in a folder of its own.
func (d *dist) packages(processor, bin, share, stage string) error {
	for _, kind := range []string{"deb", "rpm"} {
		os.RemoveAll(stage)
		if err := copyTree(bin, filepath.Join(stage, "bin")); err != nil {
			return err
		}
		if err := copyTree(share, filepath.Join(stage, "share")); err != nil {
			return err
		}
		if err := copyTree("packaging/systemd", filepath.Join(stage, "lib", "systemd", "system")); err != nil {
			return err
		}
		for _, doc := range docs {
			as := doc
			if doc == "LICENSE" {
				as = "copyright" // Debian's name for it
			}
			if err := copyTree(doc, filepath.Join(stage, "share", "doc", "sess", as)); err != nil {
				return err
			}
		}
		if kind == "deb" {
			zsh := filepath.Join(stage, "share", "zsh")
			if err := os.Rename(filepath.Join(zsh, "site-functions"), filepath.Join(zsh, "vendor-completions")); err != nil {
				return err
			}
		}
		if err := level(stage, d.when); err != nil {
			return err
		}
		name := fmt.Sprintf("sess-%s-linux-%s.%s", d.version, processor, kind)
		env := []string{"SESS_ARCH=" + processor, "SESS_VERSION=" + packageVersion(d.version), "SESS_STAGE=" + stage}
		if err := run(env, "go", "tool", "-modfile=tools/go.mod", "nfpm", "package", "--config", "packaging/nfpm.yaml", "--packager", kind, "--target", filepath.Join(d.out, name)); err != nil {
			return err
		}
		d.made = append(d.made, name)
	}
	return nil
}

// packageVersion is one that packages can bear: it begins with a digit.
func packageVersion(version string) string {
	version = strings.TrimPrefix(version, "v")
	if version == "" || version[0] < '0' || version[0] > '9' || !strings.Contains(version, ".") {
		return "0.0.0~" + version
	}
	return version
}

func (d *dist) keep(name string, content []byte) error {
	d.made = append(d.made, name)
	return os.WriteFile(filepath.Join(d.out, name), content, 0o644)
}

// sums writes what `sha256sum -c` reads.
func (d *dist) sums() error {
	slices.Sort(d.made)
	var list bytes.Buffer
	for _, name := range d.made {
		content, err := os.ReadFile(filepath.Join(d.out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256(content), name)
	}
	os.Stdout.Write(list.Bytes())
	return os.WriteFile(filepath.Join(d.out, "SHA256SUMS"), list.Bytes(), 0o644)
}

func run(env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}

func output(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
