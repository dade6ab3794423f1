package gitrepo

import (
	"encoding/binary"
	"errors"
)

var errChunks = errors.New("its table of contents is damaged")

// tableOfContents takes apart a file of chunks, by the table of count lines that
// begins at an offset. See https://git-scm.com/docs/gitformat-chunk.
func tableOfContents(data []byte, at, count int) (map[string][]byte, error) {
	const line = 12
	chunks := map[string][]byte{}
	if len(data) < at+line*(count+1) {
		return nil, errChunks
	}
	for i := range count {
		entry := data[at+line*i:]
		start, end := binary.BigEndian.Uint64(entry[4:]), binary.BigEndian.Uint64(entry[4+line:])
		if start > end || end > uint64(len(data)) {
			return nil, errChunks
		}
		chunks[string(entry[:4])] = data[start:end]
	}
	return chunks, nil
}
