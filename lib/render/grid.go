package render

import (
	"bytes"
	"strings"

	"sess/lib/jsonl"
)

// A grid lays records out in columns whose widths it takes from the first records. A later value
// that is wider is wrapped, where there is a terminal to fit, and otherwise moves the rest of
// its line to the right.
type grid struct {
	columns []column
	bands   [][]int // the columns that stand beside each other; more than one band where a row does not fit
	widths  []int   // of the columns
	right   []bool  // columns that are aligned to the right
	most    int     // the terminal's width, 0 for none
	wraps   bool    // some column is narrower than what was seen in it
	colour  bool
	cells   cells // how values are written; copied for each goroutine
	empty   string
	gap     int

	scanner   *jsonl.Scanner // for the columns; nil: each row's formatter has its own
	watched   []jsonl.Path   // objects whose fields should all have a column
	indented  int            // blanks before each line
	unbounded bool           // cells may have any number of lines, and records no blank line between them
	plain     bool           // each record is one line: what does not fit a terminal is cut, and marked so
	dropped   []string       // columns that plain has no room for
}

const (
	gridGap      = 2   // blanks between columns
	bandIndent   = 4   // blanks before each band but the first
	widest       = 300 // columns are not padded further than this
	short        = 24  // a text up to this width is not wrapped
	comfortable  = 24  // what a longer text should have beside other columns
	tight        = 16  // what it must have
	linesMost    = 12  // of one cell on a terminal; what is left out is said
	dateWidth    = 16  // 2026-11-19 21:25
	brokenDate   = 10  // the same on two lines
	longestState = 26
	proseWidth   = 40 // that prose is given, though none was seen yet
)

// want is what a column would like.
type want struct {
	role          role
	natural       int     // the widest value
	usual         float64 // how long values mostly are
	header, parts int     // the header's width on one line, and broken after _ and .
}

// wrapped tells whether the column's values are texts to be wrapped.
func (w want) wrapped() bool {
	switch w.role {
	case identifier, number, moment, states, scores, severity, state:
		return false
	}
	return w.natural > short
}

// bounds are the least and the most that a column takes.
func (w want) bounds(least, date int) (lo, hi int) {
	hi = min(max(w.natural, w.header), widest)
	switch w.role {
	case identifier:
		lo = min(w.natural, widest)
	case number:
		lo = min(w.natural, short)
	case moment:
		lo = min(w.natural, date)
	case states, scores, severity, state:
		lo = min(w.natural, longestState)
	default:
		lo = min(w.natural, least)
	}
	lo = max(lo, w.parts)
	return lo, max(lo, hi)
}

// layOut measures the sample and decides on bands and widths.
func (g *grid) layOut(s *sample, headers bool) {
	wants := g.measure(s, headers)
	g.widths = make([]int, len(g.columns))
	all := make([]int, len(g.columns))
	for i := range all {
		all[i] = i
	}
	g.bands = [][]int{all}
	if g.most == 0 {
		for i, w := range wants {
			_, g.widths[i] = w.bounds(comfortable, dateWidth)
		}
		return
	}
	if g.plain {
		g.drop(wants)
		return
	}
	if !g.fill(wants, all, g.most, comfortable, dateWidth) {
		g.split(wants)
	}
	g.wraps = len(g.bands) > 1
	for i, w := range wants {
		g.wraps = g.wraps || g.widths[i] < w.natural && w.usual > 0
	}
}

// drop leaves columns out, the last first, until the rest fits.
func (g *grid) drop(wants []want) {
	columns := g.bands[0]
	for len(columns) > 1 && !g.fill(wants, columns, g.most, tight, dateWidth) {
		last := len(columns) - 1
		g.dropped = append(g.dropped, string(g.header(columns[last])))
		columns = columns[:last]
	}
	g.bands[0] = columns
}

// measure finds what each column would like from the records of the sample.
func (g *grid) measure(s *sample, headers bool) []want {
	wants := make([]want, len(g.columns))
	numbers := make([]int, len(g.columns))
	others := make([]int, len(g.columns))
	row := g.row()
	for _, r := range s.records {
		if row.scanner.Scan(r) != nil {
			break
		}
		for i, c := range g.columns {
			raw := row.scanner.Value(i)
			if isNull(raw) {
				wants[i].natural = max(wants[i].natural, len(g.empty))
				continue
			}
			if raw[0] == '-' || raw[0] <= '9' && raw[0] >= '0' {
				numbers[i]++
			} else {
				others[i]++
			}
			row.text, _ = row.cells.append(row.text[:0], c.role, raw)
			for line := range strings.SplitSeq(string(row.text), "\n") {
				wants[i].natural = max(wants[i].natural, width([]byte(line)))
			}
			wants[i].usual += float64(len(row.text))
		}
	}
	g.right = make([]bool, len(g.columns))
	for i, c := range g.columns {
		wants[i].role = c.role
		if (c.role == prose || c.role == notes) && g.most > 0 && !g.plain && !s.all {
			wants[i].natural = max(wants[i].natural, proseWidth)
		}
		g.right[i] = c.role == number || c.role == text && numbers[i] > 0 && others[i] == 0
		if g.right[i] {
			wants[i].role = number
		}
		if headers {
			wants[i].header = width(g.header(i))
			for _, part := range g.parts(i) {
				wants[i].parts = max(wants[i].parts, width([]byte(part)))
			}
		}
		wants[i].natural = max(wants[i].natural, 1)
		if n := numbers[i] + others[i]; n > 0 {
			// Half as long as when there is one, where there seldom is one.
			wants[i].usual *= (1/float64(n) + 1/float64(len(s.records))) / 2
		}
	}
	return wants
}

// header is what stands above a column, safe to show.
func (g *grid) header(i int) []byte { return appendSafe(nil, []byte(g.columns[i].header), false) }

// parts are the pieces that a column's header may be broken into.
func (g *grid) parts(i int) []string {
	header := string(g.header(i))
	if g.plain {
		return []string{header}
	}
	return headerParts(header)
}

// headerParts breaks a header where a line may end: after each _ and each dot.
func headerParts(header string) []string {
	var parts []string
	from := 0
	for i, c := range header {
		if (c == '_' || c == '.') && i+1 < len(header) && i > from {
			parts = append(parts, header[from:i+1])
			from = i + 1
		}
	}
	return append(parts, header[from:])
}

// fill gives the columns widths that fill no more than most; false where there are none.
func (g *grid) fill(wants []want, columns []int, most, least, date int) bool {
	spare := most - g.gap*(len(columns)-1)
	full := spare
	for _, i := range columns {
		lo, hi := wants[i].bounds(least, date)
		g.widths[i] = lo
		spare -= lo
		full -= hi
	}
	if spare < 0 {
		return false
	}
	if full >= 0 {
		for _, i := range columns {
			_, g.widths[i] = wants[i].bounds(least, date)
		}
		return true
	}
	// The text that would have the most lines gets the next bit of room, so that rows get low;
	// what no text needs is for the headers.
	spare = g.widen(wants, columns, spare, true, func(i int) float64 { return wants[i].usual / float64(g.widths[i]) })
	g.widen(wants, columns, spare, false, func(i int) float64 { return 1 / float64(g.widths[i]) })
	return true
}

// widen gives spare columns of the terminal, one at a time, to the column of the grid that needs
// it most, and returns what is left over.
func (g *grid) widen(wants []want, columns []int, spare int, texts bool, need func(i int) float64) int {
	for ; spare > 0; spare-- {
		next := -1
		for _, i := range columns {
			_, hi := wants[i].bounds(tight, dateWidth)
			if wants[i].wrapped() == texts && g.widths[i] < hi && (next < 0 || need(i) > need(next)) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		g.widths[next]++
	}
	return spare
}

// split spreads the columns over bands, as many in each as fit: first those of short values,
// then the texts, which have the more room for it, then what no record had so far.
func (g *grid) split(wants []want) {
	var order, texts, unused []int
	for i, w := range wants {
		switch {
		case w.wrapped():
			texts = append(texts, i)
		case w.usual == 0:
			unused = append(unused, i) // at the end, where a band without values is left out
		default:
			order = append(order, i)
		}
	}
	order = append(append(order, texts...), unused...)
	g.bands = nil
	var band []int
	for k, i := range order {
		room := g.most
		if len(g.bands) > 0 {
			room -= bandIndent
		}
		wider := append(band[:len(band):len(band)], i)
		// Texts stand beside each other and not beside the rest: rows get lower, and easier to read.
		apart := k > 0 && wants[i].wrapped() && !wants[order[k-1]].wrapped()
		if len(band) > 0 && (apart || !g.fill(wants, wider, room, comfortable, dateWidth)) {
			g.fill(wants, band, room, comfortable, dateWidth)
			g.bands = append(g.bands, band)
			room = g.most - bandIndent
			wider = []int{i}
		}
		band = wider
		if !g.fill(wants, band, room, comfortable, dateWidth) && !g.fill(wants, band, room, 1, brokenDate) {
			g.widths[i] = max(room, 1) // even alone it is too wide, and must be broken
		}
	}
	g.bands = append(g.bands, band)
}

// head appends the headers and the line under them.
func (g *grid) head(dst []byte, rule bool) []byte {
	for n, band := range g.bands {
		var lines [][]string
		height := 0
		for _, i := range band {
			l := headerLines(string(g.header(i)), g.widths[i])
			lines = append(lines, l)
			height = max(height, len(l))
		}
		for y := range height {
			begin := len(dst)
			dst = g.indent(dst, n)
			for k, i := range band {
				cell := ""
				if from := height - len(lines[k]); y >= from { // headers stand on the rule
					cell = lines[k][y-from]
				}
				dst = g.put(dst, []byte(cell), i, bold, k == len(band)-1)
			}
			dst = endLine(dst, begin)
		}
	}
	if rule {
		dst = g.rule(dst, "─")
	}
	return dst
}

// headerLines lays a header out in lines of a width.
func headerLines(header string, most int) []string {
	if width([]byte(header)) <= most {
		return []string{header}
	}
	var lines []string
	line := ""
	for _, part := range headerParts(header) {
		if line != "" && width([]byte(line+part)) > most {
			lines = append(lines, line)
			line = ""
		}
		line += part
	}
	var broken []string
	for _, l := range append(lines, line) {
		wrap([]byte(l), most, func(b []byte) { broken = append(broken, string(b)) })
	}
	return broken
}

// rule appends a line as wide as the grid.
func (g *grid) rule(dst []byte, stroke string) []byte {
	var line []byte
	if len(g.bands) > 1 {
		for range g.most {
			line = append(line, stroke...)
		}
	} else {
		for k, i := range g.bands[0] {
			if k > 0 {
				line = pad(line, g.gap)
			}
			for range g.widths[i] {
				line = append(line, stroke...)
			}
		}
	}
	dst = styled(dst, line, dim, g.colour)
	return append(dst, '\n')
}

func (g *grid) indent(dst []byte, band int) []byte {
	if band > 0 {
		return pad(dst, bandIndent+g.indented)
	}
	return pad(dst, g.indented)
}

// put appends a cell's line, padded to its column.
func (g *grid) put(dst, cell []byte, i int, s style, last bool) []byte {
	fill := g.widths[i] - width(cell)
	if g.right[i] {
		dst = pad(dst, fill)
		fill = 0
	}
	dst = styled(dst, cell, s, g.colour)
	if !last {
		dst = pad(dst, max(fill, 0)+g.gap)
	}
	return dst
}

// endLine ends the line that began at begin, without blanks at its end.
func endLine(dst []byte, begin int) []byte {
	for len(dst) > begin && dst[len(dst)-1] == ' ' {
		dst = dst[:len(dst)-1]
	}
	return append(dst, '\n')
}

// row is a grid's formatter.
func (g *grid) row() *gridRow {
	scanner := g.scanner
	if scanner == nil {
		scanner = newPlan(g.columns, g.watched...).Scanner()
	}
	return &gridRow{grid: g, cells: g.cells, scanner: scanner}
}

type gridRow struct {
	grid    *grid
	cells   cells
	scanner *jsonl.Scanner
	missed  *missed // fields that have no column; nil where that is meant
	text    []byte
	lines   [][][]byte // of each cell of a band
	styles  []style
}

func (f *gridRow) record(dst, line []byte) ([]byte, error) {
	if err := scanObject(f.scanner, line); err != nil {
		return dst, err
	}
	g := f.grid
	if f.missed != nil {
		f.missed.add(f.scanner.Unnamed())
	}
	switch {
	case len(g.columns) == 0:
		return dst, nil
	case g.most == 0 || g.plain:
		return f.line(dst), nil
	}
	last := 0 // what follows it is empty and is left out
	for n, band := range g.bands {
		if f.holds(band) {
			last = n
		}
	}
	for n := range last + 1 {
		dst = f.band(dst, n)
	}
	if g.wraps && !g.unbounded {
		dst = append(dst, '\n')
	}
	return dst, nil
}

// line appends a record as one line.
func (f *gridRow) line(dst []byte) []byte {
	g := f.grid
	begin := len(dst)
	dst = g.indent(dst, 0)
	for k, i := range g.bands[0] {
		var s style
		f.text, s = f.cell(f.text[:0], i)
		cell := f.text
		if g.plain {
			cell = single(cell)
			if g.most > 0 && g.columns[i].role != identifier {
				cell = shorten(cell, g.widths[i])
			}
		}
		dst = g.put(dst, cell, i, s, k == len(g.bands[0])-1)
	}
	return endLine(dst, begin)
}

// single makes one blank of several, in place: two of them stand between columns.
func single(text []byte) []byte {
	if !bytes.Contains(text, []byte("  ")) {
		return text
	}
	out := text[:0]
	for i, c := range text {
		if c != ' ' || i == 0 || text[i-1] != ' ' {
			out = append(out, c)
		}
	}
	return out
}

func (f *gridRow) cell(dst []byte, i int) ([]byte, style) {
	begin := len(dst)
	dst, s := f.cells.append(dst, f.grid.columns[i].role, f.scanner.Value(i))
	if len(dst) == begin {
		dst = append(dst, f.grid.empty...)
	}
	return dst, s
}

// holds tells whether the record has anything for a band.
func (f *gridRow) holds(band []int) bool {
	for _, i := range band {
		if v := f.scanner.Value(i); !isNull(v) && !jsonl.IsEmpty(v) && string(v) != `""` {
			return true
		}
	}
	return false
}

// band appends a band's cells of one record, wrapped to their columns.
func (f *gridRow) band(dst []byte, n int) []byte {
	g := f.grid
	band := g.bands[n]
	f.text, f.lines, f.styles = f.text[:0], f.lines[:0], f.styles[:0]
	ends := make([]int, len(band))
	for k, i := range band {
		var s style
		f.text, s = f.cell(f.text, i)
		f.styles = append(f.styles, s)
		ends[k] = len(f.text)
	}
	if n > 0 && !f.holds(band) { // so that what follows is not taken for it
		return append(g.indent(dst, n), "-\n"...)
	}
	height, from := 1, 0
	for k, i := range band {
		var lines [][]byte
		if len(f.lines) < cap(f.lines) {
			lines = f.lines[:len(f.lines)+1][len(f.lines)][:0]
		}
		cell := f.text[from:ends[k]:ends[k]]
		from = ends[k]
		most := g.widths[i]
		if g.columns[i].role == identifier {
			most = max(most, g.most)
		}
		if g.unbounded {
			wrap(cell, most, func(l []byte) { lines = append(lines, l) })
		} else {
			lines = foldLines(lines, cell, most)
		}
		height = max(height, len(lines))
		f.lines = append(f.lines, lines)
	}
	for y := range height {
		begin := len(dst)
		dst = g.indent(dst, n)
		for k, i := range band {
			var line []byte
			if y < len(f.lines[k]) {
				line = f.lines[k][y]
			}
			dst = g.put(dst, line, i, f.styles[k], k == len(band)-1)
		}
		dst = endLine(dst, begin)
	}
	return dst
}

// foldLines wraps a cell. Where it has more lines than a table can bear, the last one says how
// much is left out.
func foldLines(lines [][]byte, cell []byte, most int) [][]byte {
	left := 0
	wrap(cell, most, func(l []byte) {
		if len(lines) < linesMost {
			lines = append(lines, l)
		} else {
			left++
		}
	})
	if left > 0 {
		more := append([]byte("… +"), appendInt(nil, int64(left+1))...)
		lines[linesMost-1] = shorten(append(more, " lines"...), most)
	}
	return lines
}
