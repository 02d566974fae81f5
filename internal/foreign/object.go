package foreign

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// object is an object of a document that remembers which of its members were read, so that none is lost without a word.
type object struct {
	place   *place
	members map[string]any
	read    map[string]bool
	parts   map[string]object // objects within that were asked for, by their steps
}

// place is where an object stands in a document. Its path is written only where a report names it: a document may have many objects, and
// long names on the way to each.
type place struct {
	above *place // nil: the top
	step  string // from there: a member, with a position where that is a list
}

// path is the path of a member of the object that stands there.
func (p *place) path(member string) string {
	steps := []string{member}
	for ; p != nil; p = p.above {
		steps = append(steps, p.step)
	}
	slices.Reverse(steps)
	return strings.Join(steps, ".")
}

func objectOf(value any) (object, bool) {
	members, ok := value.(map[string]any)
	return object{members: members, read: map[string]bool{}, parts: map[string]object{}}, ok
}

// part is an object within, the same each time that it is asked for.
func (o object) part(step string, value any) (object, bool) {
	if p, ok := o.parts[step]; ok {
		return p, true
	}
	p, ok := objectOf(value)
	p.place = &place{above: o.place, step: step}
	if ok && o.parts != nil {
		o.parts[step] = p
	}
	return p, ok
}

func (o object) has(name string) bool { _, ok := o.members[name]; return ok }

func (o object) get(name string) any {
	o.skip(name)
	return o.members[name]
}

// skip marks members that say nothing of what is served, such as versions and links.
func (o object) skip(names ...string) {
	if o.read == nil { // there is no such object
		return
	}
	for _, name := range names {
		o.read[name] = true
	}
}

// leave marks all that is within, of an object that is left out as a whole.
func (o object) leave() {
	for name := range o.members {
		o.skip(name)
	}
	for _, p := range o.parts {
		p.leave()
	}
}

func (o object) text(name string) string {
	switch value := o.get(name).(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	case bool:
		return strconv.FormatBool(value)
	}
	return ""
}

func (o object) truth(name string) bool {
	value, _ := o.get(name).(bool)
	return value
}

func (o object) number(name string) (n float64, ok bool) { return numberOf(o.get(name)) }

func numberOf(value any) (n float64, ok bool) {
	switch value := value.(type) {
	case json.Number:
		n, err := value.Float64()
		return n, err == nil
	case string:
		n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		return n, err == nil
	}
	return 0, false
}

// index is a position in a list.
func (o object) index(name string) (i int, ok bool) {
	n, isNumber := o.get(name).(json.Number)
	i, err := strconv.Atoi(n.String())
	return i, isNumber && err == nil
}

func (o object) list(name string) []any {
	items, _ := o.get(name).([]any)
	return items
}

// texts are the texts of a list, numbers and booleans as they are written.
func (o object) texts(name string) (all []string) {
	for _, item := range o.list(name) {
		switch item := item.(type) {
		case string:
			all = append(all, item)
		case json.Number:
			all = append(all, item.String())
		case bool:
			all = append(all, strconv.FormatBool(item))
		}
	}
	return all
}

func (o object) object(name string) (object, bool) { return o.part(name, o.get(name)) }

func (o object) objects(name string) (all []object) {
	for i, item := range o.list(name) {
		if p, ok := o.part(name+"["+strconv.Itoa(i)+"]", item); ok {
			all = append(all, p)
		}
	}
	return all
}

// byName are the objects of an object, in the order of their names.
func (o object) byName(name string) (names []string, all map[string]object) {
	all = map[string]object{}
	of, _ := o.get(name).(map[string]any)
	for _, key := range sortedKeys(of) {
		if p, ok := o.part(name+"."+key, of[key]); ok {
			names, all[key] = append(names, key), p
		}
	}
	return names, all
}

// unread are the paths of members, of the object and of those within, that nobody read and that say something; at most so many.
func (o object) unread(most int) (paths []string) {
	for _, name := range sortedKeys(o.members) {
		if len(paths) < most && !o.read[name] && !empty(o.members[name]) {
			paths = append(paths, o.place.path(name))
		}
	}
	for _, step := range sortedKeys(o.parts) {
		if len(paths) < most {
			paths = append(paths, o.parts[step].unread(most-len(paths))...)
		}
	}
	return paths
}

func empty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case bool:
		return !value
	case string:
		return value == ""
	case json.Number:
		n, err := value.Float64()
		return err == nil && n == 0
	case []any:
		return len(value) == 0
	case map[string]any:
		return len(value) == 0
	}
	return false
}
