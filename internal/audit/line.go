package audit

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gowebpki/jcs"
	"golang.org/x/mod/sumdb/tlog"
)

// maxLine bounds a line of a file that somebody else made.
const maxLine = 64 << 20

var errLongLine = errors.New("longer than 64 MB")

// readLine gives the next line without its end. At the end of the file it gives what is left and io.EOF.
func readLine(r *bufio.Reader) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			return nil, errLongLine
		}
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return bytes.TrimRight(line, "\r\n"), err
	}
}

// exportedLine is what a line of an export says: an event with its leaf, or a checkpoint.
type exportedLine struct {
	event []byte // as it stands in the file
	leaf  int64
	hash  *tlog.Hash // nil if the line carries none
	texts map[string]Text

	checkpoint bool
	note       string
	size       int64
	keys       []string
}

// parseLine reads a line strictly. encoding/json takes the last of two members of a name, and names in any case, where other
// programs take the first or the exact one; a line that two readers could read differently is refused.
func parseLine(text []byte) (line exportedLine, err error) {
	if !utf8.Valid(text) {
		return line, errors.New("it is not valid UTF-8")
	}
	members, err := splitObject(text)
	if err != nil {
		return line, err
	}
	_, line.checkpoint = members["checkpoint"]
	allowed, required := []string{"event", "leaf", "hash", "texts"}, []string{"event", "leaf"}
	if line.checkpoint {
		allowed, required = []string{"checkpoint", "size", "keys"}, []string{"checkpoint", "size", "keys"}
	}
	for name := range members {
		if !slices.Contains(allowed, name) {
			return line, fmt.Errorf("it has a member %q, which an export does not have", name)
		}
	}
	for _, name := range required {
		if members[name] == nil {
			return line, fmt.Errorf("the member %q is missing", name)
		}
	}
	take := line.takeEvent
	if line.checkpoint {
		take = line.takeCheckpoint
	}
	err = take(members)
	return line, err
}

func (line *exportedLine) takeEvent(members map[string]json.RawMessage) (err error) {
	line.event = members["event"]
	if line.event[0] != '{' {
		return errors.New("its event is not an object")
	}
	if line.leaf, err = parseCount(members["leaf"]); err != nil {
		return errors.New("its leaf is not a number of a leaf")
	}
	if raw := members["hash"]; raw != nil {
		var hash tlog.Hash
		if err := hash.UnmarshalJSON(raw); err != nil || hash.String() != string(raw[1:len(raw)-1]) {
			return errors.New("its hash is not a hash in base64")
		}
		line.hash = &hash
	}
	if raw := members["texts"]; raw != nil {
		if line.texts, err = parseTexts(raw); err != nil {
			return err
		}
	}
	return nil
}

func parseTexts(raw []byte) (map[string]Text, error) {
	bad := errors.New("its texts are not objects of salt and text")
	members, err := splitObject(raw)
	if err != nil {
		return nil, bad
	}
	texts := map[string]Text{}
	for path, value := range members {
		inner, err := splitObject(value)
		if err != nil || len(inner) != 2 || inner["salt"] == nil || inner["text"] == nil {
			return nil, bad
		}
		var salt string
		var t Text
		if json.Unmarshal(inner["salt"], &salt) != nil || json.Unmarshal(inner["text"], &t.Text) != nil {
			return nil, bad
		}
		if t.Salt, err = base64.StdEncoding.Strict().DecodeString(salt); err != nil || len(t.Salt) != saltSize {
			return nil, bad
		}
		texts[path] = t
	}
	return texts, nil
}

func (line *exportedLine) takeCheckpoint(members map[string]json.RawMessage) (err error) {
	if err := json.Unmarshal(members["checkpoint"], &line.note); err != nil || line.note == "" {
		return errors.New("its checkpoint is not a text")
	}
	if line.size, err = parseCount(members["size"]); err != nil {
		return errors.New("its size is not a number of leaves")
	}
	if err := json.Unmarshal(members["keys"], &line.keys); err != nil {
		return errors.New("its keys are not a list of texts")
	}
	if _, err := parseVerifiers(line.keys); err != nil {
		return errors.New("one of its keys is not a verifier key")
	}
	return nil
}

func parseCount(raw []byte) (int64, error) {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err == nil && (n < 0 || strconv.FormatInt(n, 10) != string(raw)) {
		return 0, strconv.ErrSyntax
	}
	return n, err
}

// splitObject gives the members of the one object that text is.
func splitObject(text []byte) (map[string]json.RawMessage, error) {
	notJSON := errors.New("it is not a JSON object")
	decoder := json.NewDecoder(bytes.NewReader(text))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, notJSON
	}
	members := map[string]json.RawMessage{}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, notJSON
		}
		name, ok := key.(string)
		if !ok {
			return nil, notJSON
		}
		if members[name] != nil {
			return nil, fmt.Errorf("it has the member %q twice", name)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil || len(value) == 0 {
			return nil, notJSON
		}
		members[name] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, notJSON
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands after its JSON object")
	}
	return members, nil
}

// leafHash gives the hash of an event as it stands in a file. A file may have been formatted anew on its way, so it is the
// RFC 8785 form that is hashed; claimed saves making that form for events that stand there as they were hashed.
func leafHash(event []byte, claimed *tlog.Hash) (tlog.Hash, error) {
	hash := tlog.RecordHash(event)
	if claimed != nil && hash == *claimed {
		return hash, nil
	}
	canonical, err := jcs.Transform(event)
	if err != nil {
		return tlog.Hash{}, errors.New("its event has no canonical form")
	}
	if bytes.Equal(canonical, event) {
		return hash, nil
	}
	if !exactNumbers(event) {
		return hash, nil // the value differs from that of the canonical form, so this is the hash of something else
	}
	return tlog.RecordHash(canonical), nil
}

// exactNumbers tells whether every number in the JSON text has exactly the value that its RFC 8785 form has. That form
// rounds to a double, so that a digit could be changed behind the 17th place without changing it.
func exactNumbers(text []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return errors.Is(err, io.EOF)
		}
		if number, ok := token.(json.Number); ok && !exact(number.String()) {
			return false
		}
	}
}

func exact(number string) bool {
	double, err := strconv.ParseFloat(number, 64)
	if err != nil || len(number) > 400 {
		return false
	}
	shortest := strconv.FormatFloat(double, 'e', -1, 64)
	if _, exponent, ok := strings.Cut(strings.ToLower(number), "e"); ok {
		// A thousand digits are beyond what a double holds; more would only cost memory.
		if e, err := strconv.Atoi(exponent); err != nil || e < -1000 || e > 1000 {
			return false
		}
	}
	a, okA := new(big.Rat).SetString(number)
	b, okB := new(big.Rat).SetString(shortest)
	return okA && okB && a.Cmp(b) == 0
}
