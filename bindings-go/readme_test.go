package conveyor

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheReadmesProgramPassesItsTest(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, block := range strings.Split(string(readme), "```go\n")[1:] {
		code, _, _ := strings.Cut(block, "```")
		blocks = append(blocks, code)
	}
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of Go", len(blocks))
	}
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	module := "github.com/open-ug/conveyor-driver/bindings-go"
	folder := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module greeter\n\ngo 1.24\n\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + here + "\n",
		"main.go": blocks[0],
		"main_test.go": "package main\n\nimport (\n\t\"testing\"\n\t\"time\"\n\n\tconveyor \"" + module + "\"\n)\n\n" +
			blocks[1],
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command("go", "test", "./...")
	command.Dir = folder
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}
