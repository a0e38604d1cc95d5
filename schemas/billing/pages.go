package billing

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// errStop ends pages early.
var errStop = errors.New("stop")

// pages calls item for each item of a file: those in the array under a name, of each page. A file is one page, or several: one after another, such as
// JSON lines, or in an array. What is no page is an item itself. The last page must not say that there are more.
func pages(content []byte, under string, item func(n int, v value) error) error {
	p := pageReader{walker: newWalker(content), under: under, item: item}
	for {
		token, err := p.token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = p.top(token)
		}
		if err != nil {
			return err
		}
	}
	if p.more != "" {
		return fmt.Errorf("line %d: the last page says that there are more (%s): export all pages into the file", p.line, p.more)
	}
	return nil
}

type pageReader struct {
	*walker
	under string
	item  func(n int, v value) error
	n     int    // Items read.
	more  string // How the page that was read last says that there are more.
}

// top reads a value that is a page, an item, or an array of them.
func (p *pageReader) top(token json.Token) error {
	if token != json.Delim('[') {
		return p.page(token)
	}
	for p.decoder.More() {
		token, err := p.inside()
		if err == nil {
			err = p.page(token)
		}
		if err != nil {
			return err
		}
	}
	_, err := p.inside()
	return err
}

// page reads a page or an item.
func (p *pageReader) page(token json.Token) error {
	p.left = maxValues
	if token != json.Delim('{') {
		return fmt.Errorf("line %d: a JSON object is expected", p.line)
	}
	v := value{kind: objectValue, line: p.line, fields: map[string]value{}}
	isPage := false
	for p.decoder.More() {
		name, err := p.name(v.fields)
		if err != nil {
			return err
		}
		token, err := p.inside()
		if err != nil {
			return err
		}
		if name == p.under && token == json.Delim('[') {
			isPage = true
			v.fields[name] = value{kind: listValue, line: p.line}
			err = p.items()
			p.left = maxValues
		} else {
			v.fields[name], err = p.value(token, 1)
		}
		if err != nil {
			return err
		}
	}
	if _, err := p.inside(); err != nil {
		return err
	}
	if !isPage {
		return p.one(v)
	}
	p.more = saysMore(v)
	return nil
}

// items reads the items of a page.
func (p *pageReader) items() error {
	for p.decoder.More() {
		p.left = maxValues
		v, err := p.next(2)
		if err == nil {
			err = p.one(v)
		}
		if err != nil {
			return err
		}
	}
	_, err := p.inside()
	return err
}

func (p *pageReader) one(v value) error {
	p.n++
	if v.kind != objectValue {
		return fmt.Errorf("line %d: item %d is not a JSON object", v.line, p.n)
	}
	if e := v.fields["error"]; e.kind == objectValue {
		return fmt.Errorf("line %d: it is the answer of a request that failed: %s", v.line, e.fields["message"].text)
	}
	return p.item(p.n, v)
}

// saysMore returns how a page says that others follow, and nothing if it does not.
func saysMore(page value) string {
	for _, where := range []value{page, page.fields["metadata"]} {
		if more := where.fields["has_more"]; more.kind == boolValue {
			if more.text == "true" {
				return "has_more"
			}
			continue
		}
		at, last := where.fields["page"], where.fields["total_pages"]
		if at.kind == numberValue && last.kind == numberValue && at.text != last.text && last.text != "0" {
			return "page " + at.text + " of " + last.text
		}
	}
	return ""
}
