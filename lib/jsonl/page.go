package jsonl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// A PageShape says where in an answer a page's items are.
type PageShape struct {
	Inside   string // the field of the answer that holds the two others; "": they are its own
	Items    string // the field with the list of items
	Total    string // the field with how many items there are on all pages
	MaxBytes int64  // the longest answer taken
	MaxItems int    // the most items taken; 0: any number
}

// A List is the part of a listing that one answer holds.
type List struct {
	Items [][]byte // each compact on one line; digits, escapes and the order of fields as they came
	Total int64
}

// MalformedError is an answer that is not JSON, or not of the shape that was asked for.
type MalformedError struct{ Problem string }

func (e *MalformedError) Error() string { return e.Problem }

// TooLargeError is an answer that is longer than what was to be taken.
type TooLargeError struct {
	Max   int64 // in bytes
	Items int   // or in items, where it is not 0
}

func (e *TooLargeError) Error() string {
	if e.Items > 0 {
		return fmt.Sprintf("it holds more than %d items", e.Items)
	}
	return fmt.Sprintf("it is longer than %d MiB", e.Max>>20)
}

// ReadPage cuts the items out of an answer while it arrives, without decoding them, and then
// decodes what is left of it. It returns a *MalformedError, a *TooLargeError, or whatever r
// returned.
func ReadPage(r io.Reader, shape PageShape) (List, error) {
	c := cutters.Get().(*cutter)
	defer c.release()
	c.shape, c.depthOfItems = shape, 1
	if shape.Inside != "" {
		c.depthOfItems = 2
	}
	if err := c.read(&bounded{r: r, left: shape.MaxBytes, max: shape.MaxBytes}); err != nil {
		return List{}, err
	}
	return c.list()
}

// ReadObject reads an answer that is one JSON object, and returns it compact on one line.
func ReadObject(r io.Reader, maxBytes int64) ([]byte, error) {
	text, err := io.ReadAll(&bounded{r: r, left: maxBytes, max: maxBytes})
	if err != nil {
		return nil, err
	}
	if err := notAnObject(text); err != nil {
		return nil, err
	}
	if Valid(text) != nil {
		if truncated(text) {
			return nil, cutOff(int64(len(text)))
		}
		return nil, &MalformedError{"it is not JSON"}
	}
	return AppendCompact(text[:0], text), nil
}

// maxEnvelope is how large an answer may be without its items, in bytes.
const maxEnvelope = 1 << 20

// A cutter cuts a page into its items, byte by byte as they come, and keeps what is around them.
// It follows strings and nesting only; each item, and in the end the envelope, is checked
// as a whole.
type cutter struct {
	shape        PageShape
	depthOfItems int

	chunk    []byte
	envelope []byte // the answer with empty items
	item     []byte // the bytes of the current item so far
	items    [][]byte
	size     int64
	begun    bool // something else than white space came

	state   cutState
	depth   int  // lists and objects around the present place; in an item, those of the item
	text    bool // the present place is in a string
	escaped bool // the byte before was a backslash in a string
	spaced  bool // there is white space between the item's tokens
	from    int  // where in the envelope the last string begins
	key     int  // where in the envelope the key before the present value begins; -1: there is none
	inside  bool // the field named by shape.Inside is open
}

type cutState int

const (
	around       cutState = iota // in the envelope
	beforeFirst                  // after the [ of the items
	beforeItem                   // after a comma
	inItem                       //
	afterItem                    //
	pastTheItems                 // in the envelope, after the items
)

var cutters = sync.Pool{New: func() any { return &cutter{chunk: make([]byte, 32<<10)} }}

func (c *cutter) release() {
	kept := cutter{chunk: c.chunk, envelope: c.envelope[:0], item: c.item[:0], key: -1}
	if cap(kept.item) > 1<<20 {
		kept.item = nil // one huge item is no reason to keep room for the next
	}
	*c = kept
	cutters.Put(c)
}

func (c *cutter) read(r *bounded) error {
	for {
		n, err := r.Read(c.chunk)
		if n > 0 {
			c.size += int64(n)
			if !c.begun && len(trimSpace(c.chunk[:n])) > 0 {
				c.begun = true
				if bad := notAnObject(c.chunk[:n]); bad != nil {
					return bad
				}
			}
			if bad := c.take(c.chunk[:n]); bad != nil {
				return bad
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return c.end()
		case err != nil:
			return err
		}
	}
}

// notAnObject looks at how an answer begins.
func notAnObject(text []byte) error {
	text = trimSpace(text)
	switch {
	case len(text) == 0:
		return &MalformedError{"it is empty"}
	case text[0] == '<':
		return &MalformedError{"it is HTML, a page for a browser, and not JSON"}
	case text[0] != '{':
		return &MalformedError{"it is not a JSON object"}
	}
	return nil
}

func cutOff(size int64) error {
	return &MalformedError{fmt.Sprintf("it ends in the middle, after %d bytes", size)}
}

// truncated reports whether a text that is not JSON lacks its end: whether something is open.
func truncated(text []byte) bool {
	c := cutter{key: -1}
	return c.take(text) == nil && (c.depth > 0 || c.text)
}

// take follows the next piece of the answer.
func (c *cutter) take(b []byte) error {
	for i := 0; i < len(b); {
		var n int
		var err error
		switch c.state {
		case inItem:
			n, err = c.follow(b[i:])
		case around, pastTheItems:
			n, err = c.skirt(b[i:])
		default:
			n, err = 1, c.between(b[i])
			if c.state == inItem {
				n = 0 // the item begins with this byte
			}
		}
		if err != nil {
			return err
		}
		i += n
	}
	return nil
}

// between looks at a byte between two items.
func (c *cutter) between(b byte) error {
	switch {
	case b == ' ' || b == '\t' || b == '\r' || b == '\n':
	case b == '{' && c.state != afterItem:
		c.state, c.depth = inItem, 0
	case b == ',' && c.state == afterItem:
		c.state = beforeItem
	case b == ']' && c.state != beforeItem:
		c.envelope = append(c.envelope, b)
		c.state, c.depth, c.key = pastTheItems, c.depthOfItems, -1
	default:
		return &MalformedError{"its " + c.shape.Items + " are not a list of objects"}
	}
	return nil
}

// follow takes bytes of an item, up to its end.
func (c *cutter) follow(b []byte) (int, error) {
	i := 0
	for i < len(b) {
		if c.text {
			i = c.string(b, i)
			continue
		}
		switch b[i] {
		case '"':
			c.text = true
		case '{', '[':
			c.depth++
		case '}', ']':
			c.depth--
		case ' ', '\t', '\r', '\n':
			c.spaced = true
		}
		i++
		if c.depth == 0 {
			c.item = append(c.item, b[:i]...)
			err := c.finish()
			c.state, c.item = afterItem, c.item[:0]
			return i, err
		}
	}
	c.item = append(c.item, b...)
	return len(b), nil
}

// string goes on in a string, and returns where it, or what there is of it, ends.
func (c *cutter) string(b []byte, i int) int {
	if c.escaped {
		c.escaped = false
		return i + 1
	}
	for ; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '"')
		part := b[i:]
		if n >= 0 {
			part = b[i : i+n]
		}
		if esc := bytes.IndexByte(part, '\\'); esc >= 0 {
			i += esc
			if i+1 == len(b) {
				c.escaped = true
				return len(b)
			}
			i++ // the loop goes past what is escaped
			continue
		}
		if n < 0 {
			return len(b)
		}
		c.text = false
		return i + n + 1
	}
	return len(b)
}

// finish keeps the item that is complete.
func (c *cutter) finish() error {
	if most := c.shape.MaxItems; most > 0 && len(c.items) >= most {
		return &TooLargeError{Items: most}
	}
	if Valid(c.item) != nil {
		return &MalformedError{fmt.Sprintf("one of its %s is not JSON", c.shape.Items)}
	}
	item := make([]byte, 0, len(c.item))
	if c.spaced {
		item = AppendCompact(item, c.item)
	} else {
		item = append(item, c.item...)
	}
	c.items, c.spaced = append(c.items, item), false
	return nil
}

// skirt takes bytes of the envelope, up to the beginning of the items.
func (c *cutter) skirt(b []byte) (int, error) {
	i := 0
	for i < len(b) {
		if c.text {
			i = c.string(b, i)
			continue
		}
		at := len(c.envelope) + i
		switch b[i] {
		case '"':
			c.text, c.from = true, at
		case ':':
			c.key = c.from
		case ',':
			c.key = -1
		case '{', '[':
			// What stands in b is not yet part of the envelope, and the key may.
			c.envelope = append(c.envelope, b[:i+1]...)
			list, taken := b[i] == '[', i+1
			if list && c.state == around && c.depth == c.depthOfItems && (c.depth == 1 || c.inside) && c.keyIs(c.shape.Items) {
				c.state = beforeFirst
				return taken, nil
			}
			if !list && c.depth == 1 && c.shape.Inside != "" {
				c.inside = c.keyIs(c.shape.Inside)
			}
			c.depth++
			c.key = -1
			return taken, c.fits()
		case '}', ']':
			c.depth--
			c.key = -1
			if c.depth == 1 {
				c.inside = false
			}
		}
		i++
	}
	c.envelope = append(c.envelope, b...)
	return len(b), c.fits()
}

func (c *cutter) fits() error {
	if len(c.envelope) > maxEnvelope {
		return &TooLargeError{Max: maxEnvelope}
	}
	return nil
}

// keyIs tells whether the value that begins now belongs to the key.
func (c *cutter) keyIs(name string) bool {
	if c.key < 0 || name == "" {
		return false
	}
	end := (&cutter{text: true}).string(c.envelope, c.key+1)
	return keyIs(c.envelope[c.key+1:end-1], name)
}

// end is called when the answer is over.
func (c *cutter) end() error {
	switch {
	case !c.begun:
		return &MalformedError{"it is empty"}
	case c.text || c.depth > 0 || c.state != around && c.state != pastTheItems:
		return cutOff(c.size)
	case Valid(c.envelope) != nil:
		return &MalformedError{"it is not JSON"}
	}
	return nil
}

// list looks into the envelope.
func (c *cutter) list() (List, error) {
	around := c.envelope
	if c.shape.Inside != "" {
		around = Lookup(around, c.shape.Inside)
	}
	list := List{Items: c.items}
	if at := Lookup(around, c.shape.Items); at == nil || at[0] != '[' && at[0] != 'n' {
		return List{}, &MalformedError{"it has no list of " + c.shape.Items}
	}
	var ok bool
	if list.Total, ok = Int(Lookup(around, c.shape.Total)); !ok || list.Total < 0 {
		return List{}, &MalformedError{"it has no " + c.shape.Total}
	}
	return list, nil
}

// Pick finds the values of some members of an object in one pass: values gets, for each of the
// names, the bytes of its value, or nil. The object must be valid JSON.
func Pick(object []byte, names []string, values [][]byte) {
	clear(values)
	members(object, func(name, value []byte) {
		for i := range names {
			if keyIs(name, names[i]) {
				values[i] = value
				return
			}
		}
	})
}

// bounded is a reader that gives no more than so many bytes.
type bounded struct {
	r         io.Reader
	left, max int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, &TooLargeError{Max: b.max}
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	return n, err
}

// Prepend puts a member, as it is written ("key":value), first into a compact object; without
// one the object stays as it is.
func Prepend(object, member []byte) []byte {
	if len(member) == 0 {
		return object
	}
	out := make([]byte, 0, len(object)+len(member)+1)
	out = append(append(out, '{'), member...)
	if len(object) > 2 {
		out = append(out, ',')
	}
	return append(out, object[1:]...)
}
