package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// The same files, written at other times, with other rights and in another order, make the same
// archive.
func TestArchivesAreReproducible(t *testing.T) {
	when := time.Unix(1795435200, 0)
	contents := map[string]string{"bin/tool": "a program", "docs/a.md": "a", "docs/b.md": "b"}
	pack := func(write func(io.Writer, []file, time.Time) error, changed time.Time, mode os.FileMode, backwards bool) []byte {
		dir := t.TempDir()
		for name, content := range contents {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, changed, changed); err != nil {
				t.Fatal(err)
			}
		}
		files, err := tree(dir, "sess-1")
		if err != nil {
			t.Fatal(err)
		}
		if backwards {
			slices.Reverse(files)
		}
		var packed bytes.Buffer
		if err := write(&packed, files, when); err != nil {
			t.Fatal(err)
		}
		return packed.Bytes()
	}
	for name, write := range map[string]func(io.Writer, []file, time.Time) error{"tar": writeTar, "zip": writeZip} {
		one := pack(write, time.Unix(1, 0), 0o600, false)
		two := pack(write, time.Unix(1e9, 0), 0o777, true)
		if !bytes.Equal(one, two) {
			t.Errorf("%s: two archives of the same files differ", name)
		}
	}

	z, err := gzip.NewReader(bytes.NewReader(pack(writeTar, when, 0o600, false)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(z); ; {
		header, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
		if program := header.Mode == 0o755; program != (header.Name == "sess-1/bin/tool") || !header.ModTime.Equal(when) || header.Uid != 0 {
			t.Errorf("%s: mode %o, %v, owner %d", header.Name, header.Mode, header.ModTime, header.Uid)
		}
	}
	if want := []string{"sess-1/bin/tool", "sess-1/docs/a.md", "sess-1/docs/b.md"}; !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
	packed := pack(writeZip, when, 0o600, false)
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil || len(r.File) != 3 || r.File[0].Mode() != 0o755 {
		t.Errorf("zip: %v, %v", r, err)
	}
}

func TestPackageVersion(t *testing.T) {
	for in, want := range map[string]string{"v1.2.3": "1.2.3", "1.2.3-4-gabc": "1.2.3-4-gabc", "abc123": "0.0.0~abc123", "7abc123": "0.0.0~7abc123", "": "0.0.0~"} {
		if got := packageVersion(in); got != want {
			t.Errorf("%q: %q; want %q", in, got, want)
		}
	}
}
