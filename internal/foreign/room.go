package foreign

import (
	"encoding/json"
)

// A document says once what many of its rules refer to, such as a prerequisite, a list of people or the name of an attribute, and flagd's words
// repeat it for each. So what comes out is bounded by what goes in, since a few kilobytes could come to any size.
const (
	roomPerByte = 16 // a short condition such as "a>1" comes to this with all that flagd needs to be told
	leastRoom   = 64 << 10
	mostRoom    = 8 << 20
)

// roomFor is how many bytes may come out of a document.
func roomFor(text string) int { return min(leastRoom+roomPerByte*len(text), mostRoom) }

// fits reports whether values have room among all that comes out, and takes it if they do.
func (b *builder) fits(values ...any) bool {
	room := b.room
	for _, v := range values {
		room = without(room, v)
	}
	if room < 0 {
		return false
	}
	b.room = room
	return true
}

// without is the room that is left once a value is written as JSON, below 0 if there is too little. It goes no further into the value then, since
// parts that are in many places make it far larger than what is in memory.
func without(room int, value any) int {
	const punctuation = 4 // quotes, a colon, a comma
	switch value := value.(type) {
	case string:
		room -= len(value)
	case json.Number:
		room -= len(value)
	case json.RawMessage:
		room -= len(value)
	case []any:
		for _, item := range value {
			if room = without(room, item); room < 0 {
				return room
			}
		}
	case map[string]any:
		for name, item := range value {
			if room = without(room-len(name)-punctuation, item); room < 0 {
				return room
			}
		}
	}
	return room - punctuation
}
