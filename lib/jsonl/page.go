package jsonl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	jsoniter "github.com/json-iterator/go"
)

// A PageShape says where in an answer a page's items are.
type PageShape struct {
	Inside   string // the field of the answer that holds the two others; "": they are its own
	Items    string // the field with the list of items
	Total    string // the field with how many items there are on all pages
	MaxBytes int64  // the longest answer taken
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
type TooLargeError struct{ Max int64 }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("it is longer than %d MiB", e.Max>>20)
}

// ReadPage cuts the items out of an answer while it arrives. It returns a *MalformedError,
// a *TooLargeError, or whatever r returned.
func ReadPage(r io.Reader, shape PageShape) (List, error) {
	a := open(r, shape.MaxBytes)
	defer a.close()
	var list List
	var gotItems, gotTotal bool
	fields := func(it *jsoniter.Iterator, field string) bool {
		switch {
		case field == shape.Items:
			gotItems = true
			list.Items = a.items(field)
		case field == shape.Total && it.WhatIsNext() == jsoniter.NumberValue:
			gotTotal = true
			list.Total = it.ReadInt64()
		default:
			it.Skip()
		}
		return it.Error == nil
	}
	a.object(func(it *jsoniter.Iterator, field string) bool {
		switch {
		case shape.Inside == "":
			return fields(it, field)
		case field == shape.Inside:
			if it.WhatIsNext() != jsoniter.ObjectValue {
				it.ReportError("page", field+" is not an object")
				return false
			}
			it.ReadObjectCB(fields)
		default:
			it.Skip()
		}
		return it.Error == nil
	})
	if err := a.end(); err != nil {
		return List{}, err
	}
	switch {
	case !gotItems:
		return List{}, &MalformedError{"it has no list of " + shape.Items}
	case !gotTotal || list.Total < 0:
		return List{}, &MalformedError{"it has no " + shape.Total}
	}
	return list, nil
}

// ReadObject reads an answer that is one JSON object, and returns it compact on one line.
func ReadObject(r io.Reader, maxBytes int64) ([]byte, error) {
	a := open(r, maxBytes)
	defer a.close()
	var object []byte
	if a.it.WhatIsNext() == jsoniter.ObjectValue {
		object = tighten(a.it.SkipAndReturnBytes())
	} else {
		a.notObject()
	}
	if err := a.end(); err != nil {
		return nil, err
	}
	return object, nil
}

// An answer is a JSON document that is read while it arrives.
type answer struct {
	it   *jsoniter.Iterator
	r    bounded
	last int // size of the last item, in bytes
}

var answers = sync.Pool{New: func() any {
	return &answer{it: jsoniter.Parse(jsoniter.ConfigDefault, nil, 32<<10)}
}}

func open(r io.Reader, maxBytes int64) *answer {
	a := answers.Get().(*answer)
	a.r = bounded{r: r, left: maxBytes, max: maxBytes}
	a.it.Reset(&a.r)
	a.it.Error = nil
	return a
}

func (a *answer) close() {
	a.r = bounded{}
	// An iterator that stopped half way has a state that nothing resets.
	if a.it.Error == nil || errors.Is(a.it.Error, io.EOF) {
		a.it.Reset(nil)
		answers.Put(a)
	}
}

func (a *answer) object(field func(*jsoniter.Iterator, string) bool) {
	if a.it.WhatIsNext() != jsoniter.ObjectValue {
		a.notObject()
		return
	}
	a.it.ReadObjectCB(field)
}

func (a *answer) notObject() {
	if a.it.Error == nil {
		a.it.ReportError("answer", "not an object")
	}
}

// items reads the list, or null for an empty one.
func (a *answer) items(field string) [][]byte {
	if a.it.ReadNil() {
		return nil
	}
	if a.it.WhatIsNext() != jsoniter.ArrayValue {
		a.it.ReportError("page", field+" is not a list")
		return nil
	}
	var items [][]byte
	a.it.ReadArrayCB(func(it *jsoniter.Iterator) bool {
		if it.WhatIsNext() != jsoniter.ObjectValue {
			it.ReportError("page", field+" holds something else than objects")
			return false
		}
		item := tighten(it.SkipAndAppendBytes(make([]byte, 0, a.last+a.last/8)))
		a.last = min(len(item), 64<<10)
		items = append(items, item)
		return it.Error == nil
	})
	return items
}

// end reads to the end of the answer and returns what was wrong with it: the reader's error
// before anything that only follows from it.
func (a *answer) end() error {
	if a.it.Error == nil {
		if a.it.WhatIsNext(); a.it.Error == nil {
			a.it.ReportError("answer", "something follows after its end")
		}
	} else if errors.Is(a.it.Error, io.EOF) {
		a.it.Error = io.ErrUnexpectedEOF
	}
	if a.r.err != nil && !errors.Is(a.r.err, io.EOF) {
		return a.r.err
	}
	if errors.Is(a.it.Error, io.EOF) {
		return nil
	}
	problem := complaint(a.it.Error)
	switch {
	case a.r.size == 0:
		return &MalformedError{"it is empty"}
	case markup(a.r.head):
		return &MalformedError{"it is HTML, a page for a browser, and not JSON"}
	case errors.Is(a.it.Error, io.ErrUnexpectedEOF), a.r.err != nil && a.cut():
		return &MalformedError{fmt.Sprintf("it ends in the middle, after %d bytes", a.r.size)}
	}
	return &MalformedError{"it is not JSON of the expected shape: " + problem}
}

// cut reports whether what went wrong is just that the document ended too early.
func (a *answer) cut() bool {
	a.it.Error = nil
	a.it.WhatIsNext()
	return errors.Is(a.it.Error, io.EOF)
}

// complaint is what jsoniter found, without the piece of the document that it quotes: that may
// hold anything.
func complaint(err error) string {
	text, _, _ := strings.Cut(err.Error(), ", error found in")
	return strings.ToValidUTF8(text, "?")
}

func markup(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	return bytes.HasPrefix(head, []byte("<"))
}

// tighten takes the white space between the tokens out of a valid document, in place.
func tighten(doc []byte) []byte {
	i := blank(doc, 0)
	if i < 0 {
		return doc
	}
	out := doc[:i]
	for i < len(doc) {
		switch c := doc[i]; c {
		case ' ', '\t', '\r', '\n':
			i++
		case '"':
			end := quoteEnd(doc, i)
			out = append(out, doc[i:end]...)
			i = end
		default:
			out = append(out, c)
			i++
		}
	}
	return out
}

// blank finds the first white space outside a string; -1 where there is none.
func blank(doc []byte, from int) int {
	for i := from; i < len(doc); {
		switch c := doc[i]; {
		case c == '"':
			i = quoteEnd(doc, i)
		case c <= ' ':
			return i
		default:
			i++
		}
	}
	return -1
}

// quoteEnd is where the string that begins at i is over.
func quoteEnd(doc []byte, i int) int {
	for i++; i < len(doc); i++ {
		n := bytes.IndexByte(doc[i:], '"')
		if n < 0 {
			break
		}
		i += n
		escapes := 0
		for doc[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i + 1
		}
	}
	return len(doc)
}

// bounded is a reader that gives no more than so many bytes, and keeps how it began and what
// ended it.
type bounded struct {
	r               io.Reader
	left, max, size int64
	head            []byte
	err             error
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.left <= 0 {
		b.err = &TooLargeError{Max: b.max}
		return 0, b.err
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	if b.head == nil {
		b.head = bytes.Clone(p[:min(n, 64)])
	}
	b.left -= int64(n)
	b.size += int64(n)
	b.err = err
	return n, err
}
