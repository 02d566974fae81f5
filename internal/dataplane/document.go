package dataplane

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/soukhq/souk/internal/live"
)

// document is the flag definitions of a view at one revision, in the forms in which they are sent. Each form is made once.
type document struct {
	json   func() json.RawMessage
	frames [2]frames // of flagd.sync.v1 and of sync.v1
}

// frames is a message of gRPC with its prefix, ready to be written.
type frames struct {
	plain, gzip func() []byte
}

// The members of SyncFlagsResponse, and the state ALL that sync.v1 has beside them.
const (
	fieldConfiguration = 1
	fieldState         = 2
	stateAll           = 1
)

func newDocument(served *live.Served, view live.View) *document {
	d := &document{json: sync.OnceValue(func() json.RawMessage { return served.DocumentOf(view) })}
	for old := range d.frames {
		message := sync.OnceValue(func() []byte {
			text := d.json()
			m := protowire.AppendTag(make([]byte, 0, len(text)+16), fieldConfiguration, protowire.BytesType)
			m = protowire.AppendBytes(m, text)
			if old == 1 {
				m = protowire.AppendTag(m, fieldState, protowire.VarintType)
				m = protowire.AppendVarint(m, stateAll)
			}
			return m
		})
		d.frames[old] = frames{
			plain: sync.OnceValue(func() []byte { return frame(0, message()) }),
			gzip:  sync.OnceValue(func() []byte { return frame(1, compress(message())) }),
		}
	}
	return d
}

// frame puts gRPC's prefix before a message: a byte that says whether it is compressed, and its length.
func frame(compressed byte, message []byte) []byte {
	f := make([]byte, 5, 5+len(message))
	f[0] = compressed
	binary.BigEndian.PutUint32(f[1:], uint32(len(message))) //nolint:gosec // documents are bounded far below
	return append(f, message...)
}

func compress(text []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(text)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("compress: %v", err)) // memory takes everything
	}
	return out.Bytes()
}
