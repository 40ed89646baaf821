package paper

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"
	"time"

	"rsc.io/qr"

	"github.com/picoca/picoca/internal/ca"
)

// page is filled by replacing words in braces, not by html/template, whose
// reflection makes the program 2 MB larger. Its <pre> begins on a line of its
// own, so that Parse reads the page too.
//
//go:embed page.html
var page string

// perCode is how many lines one code holds at most: 28 need version 25, whose 117
// modules fit on the sheet.
const perCode = 28

// moduleSize is that of a code's module on paper, in mm. A scan of 100 dpi has two
// and a half dots for it.
const moduleSize = 0.66

// quietZone is the white margin that ISO/IEC 18004 asks for, in modules.
const quietZone = 4

// HTML returns the sheet as a page to be printed, on A4 or Letter, in black and
// white. It refers to nothing outside itself. It fails with ErrNotEncrypted if
// the key would be printed in clear.
func (s Sheet) HTML() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	codes, err := s.codes()
	if err != nil {
		return nil, err
	}
	parts, words := s.parts(), s.words()
	fill := strings.NewReplacer(
		"{title}", template.HTMLEscapeString(words.title),
		"{what}", template.HTMLEscapeString(words.what),
		"{passphrase}", template.HTMLEscapeString(words.passphrase),
		"{missing}", template.HTMLEscapeString(words.missing),
		"{lost}", template.HTMLEscapeString(words.lost),
		"{ca}", template.HTMLEscapeString(s.name()),
		"{until}", day(s.Certificate.NotAfter),
		"{date}", day(s.Date),
		"{fingerprint}", ca.Fingerprint(s.Certificate),
		"{scope}", template.HTMLEscapeString(scope(s.Certificate)),
		"{command}", template.HTMLEscapeString(s.Command),
		"{codes}", codes,
		"{lines}", printedLines(parts[0])+"\n"+printedLines(parts[1]),
	)
	return []byte(fill.Replace(page)), nil
}

func (c Content) name() string { return c.Certificate.Subject.CommonName }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// codes draws the parts of the sheet, each as few codes of about the same size.
func (c Content) codes() (string, error) {
	var all strings.Builder
	for i, part := range c.parts() {
		caption := [...]string{"Root key (encrypted)", "Root certificate"}[i]
		count := (len(part) + perCode - 1) / perCode
		for n := range count {
			chunk := part[n*len(part)/count : (n+1)*len(part)/count]
			if count > 1 {
				caption = fmt.Sprintf("%s, %d of %d", strings.Split(caption, ",")[0], n+1, count)
			}
			svg, err := draw(chunk)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&all, "<figure><figcaption>%s: %s to %s</figcaption>\n%s\n</figure>\n", caption, chunk[0].label, chunk[len(chunk)-1].label, svg)
		}
	}
	return all.String(), nil
}

// draw returns a code with these lines as SVG.
func draw(all []line) (string, error) {
	var texts []string
	for _, l := range all {
		texts = append(texts, l.compact())
	}
	code, err := qr.Encode(strings.Join(texts, "/"), qr.M)
	if err != nil {
		return "", err
	}
	modules := code.Size + 2*quietZone
	size := fmt.Sprintf("%.1fmm", float64(modules)*moduleSize)
	return fmt.Sprintf(`<svg width="%[1]s" height="%[1]s" viewBox="0 0 %[2]d %[2]d"><path d="%[3]s"/></svg>`, size, modules, modulesPath(code)), nil
}

// modulesPath draws the black modules, each row of them as one rectangle.
func modulesPath(code *qr.Code) string {
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; {
			n := 0
			for code.Black(x+n, y) {
				n++
			}
			if n > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quietZone, y+quietZone, n, n)
			}
			x += n + 1
		}
	}
	return path.String()
}
