package render

import (
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
}

const (
	gridGap      = 2   // blanks between columns
	bandIndent   = 4   // blanks before each band but the first
	widest       = 300 // columns are not padded further than this
	comfortable  = 16  // what a column of text should have at least
	tight        = 10  // what it must have
	linesMost    = 12  // of one cell on a terminal; what is left out is said
	dateWidth    = 16  // 2026-11-19 21:25
	brokenDate   = 10  // the same on two lines
	longestState = 26
)

// want is what a column would like.
type want struct {
	role          role
	natural       int // the widest value
	header, parts int // the header's width on one line, and broken after _ and .
}

// bounds are the least and the most that a column takes.
func (w want) bounds(least, date int) (lo, hi int) {
	hi = min(max(w.natural, w.header), widest)
	switch w.role {
	case identifier:
		lo = min(w.natural, widest)
	case number:
		lo = min(w.natural, 24)
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
	for _, try := range [][2]int{{comfortable, dateWidth}, {tight, dateWidth}, {tight, brokenDate}} {
		if g.fill(wants, all, g.most, try[0], try[1]) {
			g.noteWraps(wants)
			return
		}
	}
	g.split(wants)
	g.noteWraps(wants)
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
		}
	}
	g.right = make([]bool, len(g.columns))
	for i, c := range g.columns {
		wants[i].role = c.role
		g.right[i] = c.role == number || c.role == text && numbers[i] > 0 && others[i] == 0
		if g.right[i] {
			wants[i].role = number
		}
		if headers {
			wants[i].header = width(g.header(i))
			for _, part := range headerParts(string(g.header(i))) {
				wants[i].parts = max(wants[i].parts, width([]byte(part)))
			}
		}
		wants[i].natural = max(wants[i].natural, 1)
	}
	return wants
}

// header is what stands above a column, safe to show.
func (g *grid) header(i int) []byte { return appendSafe(nil, []byte(g.columns[i].header), false) }

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
	for _, i := range columns {
		lo, _ := wants[i].bounds(least, date)
		g.widths[i] = lo
		spare -= lo
	}
	if spare < 0 {
		return false
	}
	// The narrowest of those that want more get more, one column at a time.
	for spare > 0 {
		next := -1
		for _, i := range columns {
			if _, hi := wants[i].bounds(least, date); g.widths[i] < hi && (next < 0 || g.widths[i] < g.widths[next]) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		g.widths[next]++
		spare--
	}
	return true
}

// split puts as many columns into each band as fit.
func (g *grid) split(wants []want) {
	g.bands = nil
	var band []int
	room := func() int {
		if len(g.bands) == 0 {
			return g.most
		}
		return g.most - bandIndent
	}
	for i := range g.columns {
		if len(band) > 0 && !g.fill(wants, append(band[:len(band):len(band)], i), room(), comfortable, dateWidth) {
			g.fill(wants, band, room(), comfortable, dateWidth)
			g.bands = append(g.bands, band)
			band = nil
		}
		band = append(band, i)
		if len(band) == 1 && !g.fill(wants, band, room(), comfortable, dateWidth) {
			g.widths[i] = room() // even alone it is too wide, and must be broken
		}
	}
	g.bands = append(g.bands, band)
}

func (g *grid) noteWraps(wants []want) {
	g.wraps = len(g.bands) > 1
	for i, w := range wants {
		g.wraps = g.wraps || g.widths[i] < w.natural
	}
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
		return pad(dst, bandIndent)
	}
	return dst
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
	paths := make([]jsonl.Path, len(g.columns))
	for i, c := range g.columns {
		paths[i] = c.path
	}
	return &gridRow{grid: g, cells: g.cells, scanner: jsonl.NewPlan(paths, nil).Scanner()}
}

type gridRow struct {
	grid    *grid
	cells   cells
	scanner *jsonl.Scanner
	text    []byte
	lines   [][][]byte // of each cell of a band
	styles  []style
}

func (f *gridRow) record(dst, line []byte) ([]byte, error) {
	if err := scanObject(f.scanner, line); err != nil {
		return dst, err
	}
	g := f.grid
	if g.most == 0 {
		begin := len(dst)
		for i := range g.columns {
			var s style
			f.text, s = f.cell(f.text[:0], i)
			dst = g.put(dst, f.text, i, s, i == len(g.columns)-1)
		}
		return endLine(dst, begin), nil
	}
	for n := range g.bands {
		dst = f.band(dst, n)
	}
	if g.wraps {
		dst = append(dst, '\n')
	}
	return dst, nil
}

func (f *gridRow) cell(dst []byte, i int) ([]byte, style) {
	begin := len(dst)
	dst, s := f.cells.append(dst, f.grid.columns[i].role, f.scanner.Value(i))
	if len(dst) == begin {
		dst = append(dst, f.grid.empty...)
	}
	return dst, s
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
		lines = foldLines(lines, cell, most)
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
