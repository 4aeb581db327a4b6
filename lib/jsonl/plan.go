package jsonl

// A Plan finds the values of several paths in one pass over a record. It is made once and may be
// shared; each goroutine takes a Scanner of its own from it.
type Plan struct {
	paths  []Path
	chains [][]*node // the nodes that each path leads through, the root first
	root   *node
	nodes  int
}

// A node is a place in a record that some path leads through.
type node struct {
	step    step // how one comes here
	path    Path
	named   []*node            // where an object's members lead; an index is also a name there
	exact   map[string][]*node // those by their names
	folded  map[string][]*node // those by their names in snake_case, where that will do
	indexed []*node            // where a list's elements lead
	across  bool               // some name is looked for, which over a list means each element
	head    int                // how many of a list's first elements indexes ask for
	tail    int                // how many of its last ones
	watched bool               // members that no path leads through are noticed
	slot    int                // where the value goes; the slots of the nodes below follow
	after   int                // the slot after those
}

// An Unnamed is a member that no path of a plan leads through.
type Unnamed struct {
	In   Path   // the object it is in
	Name string // decoded; of a very long one the beginning, and …
	Cut  bool   // Name is only the beginning
}

// NewPlan makes a plan for the paths; a * at the end is ignored. In the objects that the watched
// paths lead to, a Scanner takes notice of members which no path leads through.
func NewPlan(paths, watched []Path) *Plan {
	p := &Plan{paths: paths, root: &node{}}
	for _, path := range paths {
		p.chains = append(p.chains, p.root.grow(path))
	}
	for _, path := range watched {
		chain := p.root.grow(path)
		chain[len(chain)-1].watched = true
	}
	p.nodes = p.root.number(0)
	return p
}

// grow adds the nodes of a path.
func (n *node) grow(path Path) []*node {
	chain := []*node{n}
	for i := range path.steps {
		n = n.child(path.steps[:i+1])
		chain = append(chain, n)
	}
	return chain
}

// child is the node one step on, to which the steps lead from the record.
func (n *node) child(steps []step) *node {
	last := steps[len(steps)-1]
	for _, c := range n.exact[last.name] {
		if c.step == last {
			return c
		}
	}
	c := &node{step: last, path: Path{steps: steps}}
	if n.named = append(n.named, c); n.exact == nil {
		n.exact, n.folded = map[string][]*node{}, map[string][]*node{}
	}
	n.exact[last.name] = append(n.exact[last.name], c)
	if last.fold != "" {
		n.folded[last.fold] = append(n.folded[last.fold], c)
	}
	switch {
	case !last.is:
		n.across = true
	case last.index >= 0:
		n.indexed = append(n.indexed, c)
		n.head = max(n.head, last.index+1)
	default:
		n.indexed = append(n.indexed, c)
		n.tail = max(n.tail, -last.index)
	}
	return c
}

// number gives the nodes their slots and returns the first free one.
func (n *node) number(next int) int {
	n.slot = next
	next++
	for _, c := range n.named {
		next = c.number(next)
	}
	n.after = next
	return next
}

// A Scanner applies a Plan to one record after the other. It is not for concurrent use.
type Scanner struct {
	plan    *Plan
	line    []byte
	values  [][]byte
	fits    []uint8 // how well the key of each value fitted
	keys    []keys
	across  bool // a list lies where a name is looked for
	unnamed []*Unnamed
	more    int   // that there was no room for in unnamed
	starts  []int // of elements, as a stack
}

// Scanner makes a scanner for the plan.
func (p *Plan) Scanner() *Scanner {
	return &Scanner{
		plan:   p,
		values: make([][]byte, p.nodes),
		fits:   make([]uint8, p.nodes),
		keys:   make([]keys, p.nodes),
	}
}

// Scan reads a record. It returns an error where the line is not one JSON document, for the
// same lines as encoding/json does.
func (s *Scanner) Scan(line []byte) error {
	clear(s.values)
	clear(s.fits)
	s.line, s.across, s.unnamed, s.more, s.starts = line, false, s.unnamed[:0], 0, s.starts[:0]
	end := s.value(s.plan.root, pastSpace(line, 0), 0)
	if end < 0 || pastSpace(line, end) != len(line) {
		return notJSON(line)
	}
	return nil
}

// Record is the record's own value.
func (s *Scanner) Record() []byte { return s.values[s.plan.root.slot] }

// Value is what the i-th path of the plan leads to in the record, as Find would find it.
func (s *Scanner) Value(i int) []byte {
	chain := s.plan.chains[i]
	v := s.values[chain[len(chain)-1].slot]
	if v != nil || !s.across {
		return v
	}
	for k, st := range s.plan.paths[i].steps {
		if v = s.values[chain[k].slot]; v == nil {
			return nil
		}
		if v[0] == '[' && !st.is {
			return find(v, s.plan.paths[i].steps[k:])
		}
	}
	return nil
}

// Unnamed lists what the record has in watched objects and no path leads through; a watched
// value that is neither an object nor null is listed itself. Of a great many it lists some, and
// tells how many more there are. The list is valid until the next Scan, what it points to for
// good.
func (s *Scanner) Unnamed() (list []*Unnamed, more int) { return s.unnamed, s.more }

func (s *Scanner) notice(u *Unnamed) {
	if len(s.unnamed) < maxUnnamed {
		s.unnamed = append(s.unnamed, u)
	} else {
		s.more++
	}
}

// value scans the value at i, which is n's, depth lists and objects deep, and returns the index
// after it.
func (s *Scanner) value(n *node, i, depth int) (end int) {
	b := s.line
	switch {
	case i >= len(b):
		return bad
	case n.named == nil && !n.watched:
		end = valueEnd(b, i, depth)
	case b[i] == '{':
		end = s.object(n, i, depth+1)
	case b[i] == '[' && n.indexed != nil:
		end = s.list(n, i, depth+1)
	default:
		end = valueEnd(b, i, depth)
	}
	if end < 0 {
		return bad
	}
	if n.named != nil || n.watched {
		s.across = s.across || n.across && b[i] == '['
		if n.watched && b[i] != '{' && b[i] != 'n' && len(n.path.steps) > 0 {
			last := len(n.path.steps) - 1
			s.notice(&Unnamed{In: Path{steps: n.path.steps[:last]}, Name: n.step.name})
		}
	}
	s.values[n.slot] = b[i:end]
	return end
}

// object scans the object at i: members that the plan leads through as their nodes, the others
// are passed over.
func (s *Scanner) object(n *node, i, depth int) int {
	b := s.line
	if depth > maxDepth {
		return bad
	}
	if i = pastSpace(b, i+1); i >= len(b) {
		return bad
	}
	if b[i] == '}' {
		return i + 1
	}
	known := &s.keys[n.slot]
	for place := 0; ; {
		k := known.at(place)
		if k != nil && len(b)-i >= len(k.quoted) && string(b[i:i+len(k.quoted)]) == k.quoted {
			if i = pastSpace(b, i+len(k.quoted)); i >= len(b) {
				return bad
			}
		} else {
			if b[i] != '"' {
				return bad
			}
			end := textEnd(b, i+1)
			start := colonEnd(b, end)
			if start < 0 || start >= len(b) {
				return bad
			}
			k = known.find(n, b[i+1:end-1])
			i = start
		}
		place = k.place + 1
		end := bad
		if len(k.ways) == 0 {
			if end = valueEnd(b, i, depth); n.watched {
				s.notice(k.unnamed)
			}
		}
		for _, w := range k.ways {
			end = s.member(n, k, w, i, depth)
		}
		if end < 0 {
			return bad
		}
		if i = pastSpace(b, end); i >= len(b) {
			return bad
		}
		switch b[i] {
		case ',':
			if i = pastSpace(b, i+1); i >= len(b) {
				return bad
			}
		case '}':
			return i + 1
		default:
			return bad
		}
	}
}

// member scans the value at i of a member whose key leads on by w. Of two members that lead to
// the same node the later one counts, but for one whose key fits less.
func (s *Scanner) member(n *node, k *key, w way, i, depth int) int {
	slot := w.node.slot
	if had := s.fits[slot]; had != 0 {
		if had > w.fit {
			if n.watched {
				s.notice(k.unnamed)
			}
			return valueEnd(s.line, i, depth)
		}
		if had < w.fit && n.watched {
			if k := s.keys[n.slot].outdone(w.node, had); k != nil {
				s.notice(k.unnamed)
			}
		}
		clear(s.values[slot:w.node.after])
		clear(s.fits[slot:w.node.after])
	}
	s.fits[slot] = w.fit
	return s.value(w.node, i, depth)
}

// list scans the list at i. It keeps the places of the first and the last elements that indexes
// ask for, and then scans those once more, as their nodes.
func (s *Scanner) list(n *node, i, depth int) int {
	b := s.line
	if depth > maxDepth {
		return bad
	}
	base := len(s.starts) // a list in this list keeps its places above
	defer func() { s.starts = s.starts[:base] }()
	count := 0
	if i = pastSpace(b, i+1); i >= len(b) {
		return bad
	}
	if b[i] == ']' {
		return i + 1
	}
	for {
		if len(s.starts) == base+n.head+2*n.tail && count >= n.head+2*n.tail {
			tail := s.starts[base+n.head:]
			copy(tail, tail[n.tail:])
			s.starts = s.starts[:base+n.head+n.tail]
		}
		if count < n.head || n.tail > 0 {
			s.starts = append(s.starts, i)
		}
		count++
		if i = valueEnd(b, i, depth); i < 0 {
			return bad
		}
		if i = pastSpace(b, i); i >= len(b) {
			return bad
		}
		if b[i] == ']' {
			break
		}
		if b[i] != ',' {
			return bad
		}
		if i = pastSpace(b, i+1); i >= len(b) {
			return bad
		}
	}
	kept := len(s.starts) - base
	for _, c := range n.indexed {
		at := c.step.index
		switch {
		case at >= count || at < -count:
			continue
		case at < 0:
			at += kept
		}
		s.value(c, s.starts[base+at], depth)
	}
	return i + 1
}

// keys are the keys that a scanner has met in the objects of one node. Records of one kind have
// them in much the same order, so the next key is mostly the one after the last in order.
type keys struct {
	order []*key
	index map[string]*key // by raw name
}

// A key is the name of a member and where it leads.
type key struct {
	quoted  string // the raw name in quotes, and a colon
	ways    []way
	place   int // in order
	unnamed *Unnamed
}

// A way is a node that a key leads to. Paths that are written differently may share a key.
type way struct {
	node *node
	fit  uint8
}

// Data may have any number of keys of any length; these many and long ones are remembered.
const (
	maxKeys    = 512
	longKey    = 1 << 10 // bytes
	maxUnnamed = 2000
)

func (t *keys) at(place int) *key {
	if place < len(t.order) {
		return t.order[place]
	}
	return nil
}

// find looks the raw name up, and works out where it leads when it is new.
func (t *keys) find(n *node, raw []byte) *key {
	if k := t.index[string(raw)]; k != nil {
		return k
	}
	name, cut := cutKey(raw)
	k := &key{place: len(t.order)}
	for _, c := range n.exact[name] {
		k.ways = append(k.ways, way{c, 2})
	}
	for _, c := range n.folded[Fold(name)] {
		if c.step.name != name {
			k.ways = append(k.ways, way{c, 1})
		}
	}
	if n.watched {
		k.unnamed = &Unnamed{In: n.path, Name: name, Cut: cut}
	}
	if len(t.order) < maxKeys && len(raw) < longKey {
		if t.index == nil {
			t.index = map[string]*key{}
		}
		k.quoted = `"` + string(raw) + `":`
		t.index[k.quoted[1:len(k.quoted)-2]] = k
		t.order = append(t.order, k)
	}
	return k
}

// outdone is the key that led to the node with the given fit, before a better one was met.
func (t *keys) outdone(n *node, fit uint8) *key {
	for _, k := range t.order {
		for _, w := range k.ways {
			if w.node == n && w.fit == fit {
				return k
			}
		}
	}
	return nil
}
