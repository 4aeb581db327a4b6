package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A file is one to be packed. Of its mode only one thing is kept: whether it is a program.
type file struct {
	from, to string
	program  bool
}

func (f file) mode() fs.FileMode {
	if f.program {
		return 0o755
	}
	return 0o644
}

// tree lists the files below from, or from itself, as they are to be called. Programs are those
// that lie in a folder called bin there.
func tree(from, to string) (files []file, err error) {
	err = filepath.WalkDir(from, func(p string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rest, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		name := path.Join(to, filepath.ToSlash(rest))
		files = append(files, file{p, name, path.Base(path.Dir(name)) == "bin"})
		return nil
	})
	return files, err
}

func sorted(files []file) []file {
	return slices.SortedFunc(slices.Values(files), func(a, b file) int { return strings.Compare(a.to, b.to) })
}

// writeTar packs the files by name, each owned by root and last changed at when.
func writeTar(w io.Writer, files []file, when time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, f := range sorted(files) {
		content, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: f.to, Mode: int64(f.mode()), Size: int64(len(content)), ModTime: when, Typeflag: tar.TypeReg, Uname: "root", Gname: "root", Format: tar.FormatUSTAR}
		if err := t.WriteHeader(header); err != nil {
			return err
		}
		if _, err := t.Write(content); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

// writeZip packs the files by name, each last changed at when.
func writeZip(w io.Writer, files []file, when time.Time) error {
	z := zip.NewWriter(w)
	for _, f := range sorted(files) {
		content, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: f.to, Method: zip.Deflate, Modified: when}
		header.SetMode(f.mode())
		entry, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(content); err != nil {
			return err
		}
	}
	return z.Close()
}

func copyTree(from, to string) error {
	files, err := tree(from, filepath.ToSlash(to))
	if err != nil {
		return err
	}
	for _, f := range files {
		content, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(f.to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(f.to, content, f.mode()); err != nil {
			return err
		}
		if err := os.Chmod(f.to, f.mode()); err != nil {
			return err
		}
	}
	return nil
}

// level sets the time of all below folder, and opens the folders to everybody, whatever umask
// they were made with.
func level(folder string, when time.Time) error {
	return filepath.WalkDir(folder, func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if err := os.Chmod(p, 0o755); err != nil {
				return err
			}
		}
		return os.Chtimes(p, when, when)
	})
}
