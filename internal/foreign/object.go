package foreign

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// object is an object of a document that remembers which of its members were read, so that none is lost without a word.
type object struct {
	path    string
	members map[string]any
	read    map[string]bool
	parts   map[string]object // of the whole document, by path
}

func objectOf(path string, value any) (object, bool) {
	members, ok := value.(map[string]any)
	return object{path: path, members: members, read: map[string]bool{}, parts: map[string]object{}}, ok
}

// part is an object within, the same each time that it is asked for.
func (o object) part(path string, value any) (object, bool) {
	if p, ok := o.parts[path]; ok {
		return p, true
	}
	p, ok := objectOf(path, value)
	if p.parts = o.parts; ok && o.parts != nil {
		o.parts[path] = p
	}
	return p, ok
}

func (o object) at(name string) string { return strings.TrimPrefix(o.path+"."+name, ".") }

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
	for path, p := range o.parts {
		if path == o.path || strings.HasPrefix(path, o.path+".") {
			p.skip(sortedKeys(p.members)...)
		}
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

func (o object) object(name string) (object, bool) { return o.part(o.at(name), o.get(name)) }

func (o object) objects(name string) (all []object) {
	for i, item := range o.list(name) {
		if p, ok := o.part(o.at(name)+"["+strconv.Itoa(i)+"]", item); ok {
			all = append(all, p)
		}
	}
	return all
}

// byName are the objects of an object, in the order of their names.
func (o object) byName(name string) (names []string, all map[string]object) {
	all = map[string]object{}
	of, _ := o.get(name).(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(of)) {
		if p, ok := o.part(o.at(name)+"."+key, of[key]); ok {
			names, all[key] = append(names, key), p
		}
	}
	return names, all
}

// unread are the paths of members, of the object and of those within, that nobody read and that say something.
func (o object) unread() (paths []string) {
	all := []object{o}
	for _, path := range sortedKeys(o.parts) {
		if path != o.path && (o.path == "" || strings.HasPrefix(path, o.path+".")) {
			all = append(all, o.parts[path])
		}
	}
	for _, p := range all {
		for _, name := range slices.Sorted(maps.Keys(p.members)) {
			if !p.read[name] && !empty(p.members[name]) {
				paths = append(paths, p.at(name))
			}
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
