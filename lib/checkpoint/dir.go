package checkpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"sess/lib/suggest"
)

// A Dir is the folder of one API client's checkpoints.
type Dir struct {
	Path   string
	Client string // its id, which the journals carry too
}

// Root returns the folder that all checkpoints lie in: INCYDR_CHECKPOINT_DIR, or
// .incydr/checkpoints in the home folder. getenv returns "" for what is not set.
func Root(getenv func(name string) string) (string, error) {
	root := getenv("INCYDR_CHECKPOINT_DIR")
	if root != "" && root != "~" && !strings.HasPrefix(root, "~/") {
		return root, nil
	}
	home := getenv("HOME")
	if home == "" {
		var err error
		if home, err = os.UserHomeDir(); err != nil {
			return "", &usageError{fmt.Sprintf("where the checkpoints lie is not known: %v", err), "set INCYDR_CHECKPOINT_DIR to a folder"}
		}
	}
	if root != "" {
		return filepath.Join(home, strings.TrimPrefix(root, "~")), nil
	}
	return filepath.Join(home, ".incydr", "checkpoints"), nil
}

// sessionFolder is the last part of a Dir's path, the same for all clients.
const sessionFolder = "session_checkpoints"

// DirOf returns the folder of one client's checkpoints below the root.
func DirOf(root, client string) Dir {
	return Dir{Path: filepath.Join(root, folderName(client), sessionFolder), Client: client}
}

// Dirs returns the folders of all clients below the root. Their ids are as the folders say.
func Dirs(root string) ([]Dir, error) {
	found, err := os.ReadDir(root)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look for checkpoints: %w", err)
	}
	var dirs []Dir
	for _, f := range found {
		path := filepath.Join(root, f.Name(), sessionFolder)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			dirs = append(dirs, Dir{Path: path, Client: clientName(f.Name())})
		}
	}
	return dirs, nil
}

// folderName is the client's id as the name of a folder: what a file system might take for
// something else is written %2F, as in an address.
func folderName(client string) string {
	var b strings.Builder
	for i := range len(client) {
		c := client[i]
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_@+=", c) >= 0 || c == '.' && i > 0
		if plain {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// clientName is folderName's reverse.
func clientName(folder string) string {
	var b strings.Builder
	for i := 0; i < len(folder); i++ {
		var c byte
		if n, _ := fmt.Sscanf(folder[i:], "%%%02X", &c); n == 1 {
			b.WriteByte(c)
			i += 2
			continue
		}
		b.WriteByte(folder[i])
	}
	return b.String()
}

// maxName is the longest name in bytes; the names of its files are a little longer, and most
// file systems end at 255.
const maxName = 200

// CheckName returns nil for what may name a checkpoint.
func CheckName(name string) error {
	bad := func(why string) error {
		return &usageError{fmt.Sprintf("%q cannot name a checkpoint: %s", name, why), "a name is letters, digits and the like: siem, soc-2"}
	}
	switch {
	case name == "":
		return bad("it is empty")
	case name[0] == '.':
		return bad("it begins with a dot")
	case strings.ContainsAny(name, `/\`):
		return bad("it is a path")
	case len(name) > maxName:
		return bad(fmt.Sprintf("it is longer than %d bytes", maxName))
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return bad("it has characters that are not printed")
	}
	return checkOnSystem(name, bad)
}

const extension = ".jsonl"

func (d Dir) journal(name string) string { return filepath.Join(d.Path, name+extension) }

// beside is the path of a file that goes with a checkpoint. No name begins with a dot.
func (d Dir) beside(name, kind string) string { return filepath.Join(d.Path, "."+name+kind) }

func (d Dir) make() error {
	if err := os.MkdirAll(d.Path, 0o700); err != nil {
		return fmt.Errorf("cannot make the folder of the checkpoints: %w", err)
	}
	return nil
}

// Names returns the names of the checkpoints, in order.
func (d Dir) Names() ([]string, error) {
	files, err := os.ReadDir(d.Path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list the checkpoints: %w", err)
	}
	var names []string
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), extension); ok && CheckName(name) == nil && !f.IsDir() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// missing is the error for a name under which nothing lies.
func (d Dir) missing(name string) error {
	names, _ := d.Names()
	return &Missing{Name: name, Near: suggest.Nearest(name, names), Known: names}
}

// Exists reports whether there is a checkpoint of that name, damaged or not.
func (d Dir) Exists(name string) bool {
	_, err := os.Stat(d.journal(name))
	return err == nil
}

// Delete removes a checkpoint and what goes with it, damaged or not. The error is a *Missing
// where there is none, and an *InUse where a search or a stage that commits is at work.
func (d Dir) Delete(ctx context.Context, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if !d.Exists(name) {
		return d.missing(name)
	}
	run, err := d.Hold(ctx, name, 0)
	if err != nil {
		return err
	}
	defer run.End()
	if d.HasTail(name) {
		return &InUse{Name: name, Holder: aTail{}}
	}
	unlock, err := d.lockAppend(name)
	if err != nil {
		return err
	}
	defer unlock()
	if err := os.Remove(d.journal(name)); err != nil {
		return fmt.Errorf("cannot delete the checkpoint %q: %w", name, err)
	}
	d.removeLeftovers(name)
	for _, kind := range []string{tailLock, appendLock, runLock} {
		os.Remove(d.beside(name, kind))
	}
	return d.sync()
}

// removeLeftovers removes what killed processes left of files they were writing.
func (d Dir) removeLeftovers(name string) {
	files, _ := os.ReadDir(d.Path)
	for _, f := range files {
		number, ok := strings.CutPrefix(f.Name(), "."+name+extension)
		if ok && number != "" && strings.Trim(number, "0123456789") == "" {
			os.Remove(filepath.Join(d.Path, f.Name()))
		}
	}
}

// A mark says beside the journal how much of it was recorded, so that a file that has lost
// its end can be told from one that a killed process left. It is written after the journal and
// never relied on for more than that.
type mark struct {
	Generation string `json:"generation"`
	Bytes      int64  `json:"bytes"`
	Lines      int    `json:"lines"`
	Committed  int64  `json:"committed"` // when sessions were last recorded; ms, this machine's clock
}

// readMark returns false where there is no mark, or none that makes sense.
func (d Dir) readMark(name string) (mark, bool) {
	var m mark
	text, err := readNote(d.beside(name, appendLock))
	if err != nil || json.Unmarshal(text, &m) != nil {
		return mark{}, false
	}
	return m, true
}

func (d Dir) writeMark(name string, m mark, committed bool) {
	if old, _ := d.readMark(name); !committed {
		m.Committed = old.Committed
	} else {
		m.Committed = now().UnixMilli()
	}
	writeNote(d.beside(name, appendLock), m)
}
