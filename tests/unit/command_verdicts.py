"""Command lines that the packaged rules let run, as a developer writes them; and lines that are several."""

ALLOWED = r"""
pytest -q
python -m pytest tests
python -m pytest -x -q tests/test_app.py::test_one
python3 -m pytest --tb=short 2>&1 | tail -20
.venv/bin/python -m pytest
python app.py --rm
timeout 60 python -m pytest -q
PYTHONPATH=src python -m pytest
PYTHONPATH=src:. pytest -q
uv run pytest -q
poetry run pytest
coverage run -m pytest && coverage report
python -m unittest discover -s tests
python -m app --help
python -m json.tool data.json
cat data.json | python -m json.tool
python --version
python -c 'print(1 + 1)'
python -c "import app; print(app.add(1, 2))"
python -c 'import sys, json; print(json.load(open("x.json"))["a"])'
python -c "import re; print(re.compile('a').match('a'))"
python -c "import importlib.metadata as m; print(m.version('pytest'))"
python3 -W ignore -X dev app.py
python -m py_compile app.py
python -m mypy --strict src
python - <<< 'print(1)'
echo 'print(1)' | python
node --test
node --test tests/
node --test --test-reporter spec
node app.js
node -e "console.log(1)"
node -p 'process.version'
node -e "import('./app.mjs').then(m => console.log(m.add(1, 2)))"
node -e "console.log(require('./package.json').version)"
npm test
npm run build
npm run lint -- --fix
npm ls --depth=0
npx jest --runInBand
npx tsc --noEmit
./node_modules/.bin/jest
node_modules/.bin/eslint src
ls
ls -la | head
ls *.py
pwd && ls
cd src && ls
git status
git diff
git diff --stat HEAD~1
git log --oneline -5
git -C sub status
git log -p -- app.py
git show HEAD:app.py
git commit -m 'push it'
git stash
git add -A && git commit -m "rm -rf"
git grep -n NOTE
grep -rn 'def ' src
grep -rf patterns .
grep -n "sudo\|su" README.md
grep -c '^rm -rf' x
rg -n 'NOTE' src
find . -name '*.py' | xargs grep -l NOTE
find . -type f -name '*.js' -not -path './node_modules/*'
find . -name '*.py' -exec grep -n foo {} +
find src -newer x -exec wc -l {} \;
sed -n '1,40p' app.py
sed -i 's/foo/bar/g' app.py
sed -i.bak -e 's|a/b|c|' -e '/^$/d' x
sed -E 's/(a|b)+/e/; s/e/x/w out' x
sed 's/foo/e/' x
sed '/^#/!s/a/b/' x
sed '$!N;s/\n/ /' x
awk '{ print $1 }' x
awk -F'|' '{ print $2 "|" $3 }' x
awk 'NR > 1 && /a|b/ || $1 == 2' x
awk -F: '{ s += $1 } END { print s }' x
perl -pe 's/a/b/g' x
perl -ne 'print if /foo/' x
cat app.py
cat -n app.py | sed -n '10,20p'
cat <<'E'
cat <<< '{"a": [1, 2]}'
head -n 20 x; tail -n 20 x
wc -l src/*.py
mkdir -p src/pkg tests
touch src/__init__.py
cp a.py b.py
cp -r src backup
mv a.py b.py
mv old/ new/
rm x.py
rm -f build.log
rm *.pyc
echo hello
echo "$HOME"
echo 'rm -rf x'
echo "sudo is not used"
echo "done" > out.txt
echo x >> log.txt 2>&1
printf '%s\n' a b
true || false
test -f x && echo yes
[ -f x ] || echo no
[[ $x == y ]] && echo same
for f in *.py; do echo "$f"; python -m py_compile "$f"; done
while read -r line; do echo "$line"; done < x
if [ -d src ]; then ls src; else ls; fi
f() { echo hi; }; f
set -euo pipefail; ls
export DEBUG=1; pytest
X=1; echo $X
for i in 1 2 3; do echo $((i * 2)); done
ls > /dev/null 2>&1
pytest > /tmp/out.txt; tail /tmp/out.txt
sort x | uniq -c | sort -rn | head
diff -u a b
tar czf x.tar.gz src
xargs -a files.txt wc -l
time pytest -q
nohup python app.py > log.txt 2>&1 &
sleep 1
source .venv/bin/activate && pytest
. venv/bin/activate
bash run_tests.sh
sh ./scripts/test.sh
./run_tests.sh
bash -c 'pytest -q'
sh -c 'cd src && python -m pytest'
env FOO=1 pytest
env
which python
command -v node
type python
make test
make -j4 CFLAGS='-O2 -g'
./configure && make
bash -x script.sh -c 'rm -rf x'
command -v rm && echo yes
mkdir -p a/{b,c}
cp x{,.bak}
cat $(git ls-files '*.py') | wc -l
python - < script.py
python manage.py test
pip list && pip show flask
npm run x -- install
sed 's/\//-/g' x
sed '1d;$d' x
ruff check . && ruff format --check .
black --check src
eslint . --ext .js
tsc -p .
jq '.a' x.json
date +%s
python -m venv .venv
trap - EXIT
EDITOR=true git commit
GIT_PAGER=cat git log
diff <(sort a) <(sort b)
tree -L 2
stat x
NODE_OPTIONS=--experimental-vm-modules npx jest
PYTEST_ADDOPTS=-q pytest
CC=clang make
git grep -n -e foo -- '*.py'
git log -p -Sfoo --ext-diff
git rebase main
rg --pretty x
tar xzf x.tar.gz
tar -xzf x.tgz -C build
awk '{ print $1/$2, $3 / 4 }' x
awk '/a|b/ { n++ } END { print n/2 }' x
awk '!/^#/ && ($1 ~ /x|y/) { s += $2 } END { print s / NR }' x
awk '{ gsub(/"/, ""); print }' x
sed ':a;N;$!ba;s/\n/ /g' x
sed 's/a/b/;ta' x
yarn test
yarn build --mode production
pnpm run build
npm run install:all
go test ./...
cmake -E make_directory build
mapfile -t lines < x
declare -a x=(1 2)
make --file=build.mk
"""
"""What runs unasked."""

SEVERAL_LINES = {
    "cat <<E\nrm -rf x\nE": None,
    "cat <<'E'\n$(rm -rf x)\nE": None,
    "cat <<E\n$(rm -rf x)\nE": "blocked",
    "cat <<E\n`rm -rf x`\nE": "approval_required",
    "cat > app.py <<'E'\nimport subprocess\nE": None,
    "sh <<E\nrm -rf x\nE": "blocked",
    "sh <<'E'\nrm -rf $X\nE": "blocked",
    "bash -s <<E\n$X\nE": "approval_required",
    "python - <<'E'\nimport os\nos.system('rm -rf x')\nE": "blocked",
    "python - <<'E'\nprint('hello')\nE": None,
    "python3 <<'E'\nimport app\nprint(app.f())\nE": None,
    "node - <<'E'\nconsole.log(1)\nE": None,
    "node <<'E'\nrequire('child_process')\nE": "approval_required",
    "cat <<E | sh\nrm x\nE": "approval_required",
    "r\\\nm -rf x": "blocked",
    "rm \\\n  -rf \\\n  x": "blocked",
    "sh -c 'r\\\nm -rf x'": "blocked",
    "# a comment \\\nrm -rf x": "blocked",
    "echo a # \\\nrm -rf x": "blocked",
    "sh -c '# c \\\nrm -rf x'": "blocked",
    "pytest \\\n  -q": None,
    "ls\nrm -rf x": "blocked",
    "env <<E rm -rf x\nE": "blocked",
    "env <<E > out rm -rf x\nE": "blocked",
    "cat <<E && rm -rf x\nE": "blocked",
    "cat <<'E' > out.txt && ls\nx\nE": None,
    "# only a comment": None,
    "rm\t-rf\tx": "blocked",
    "ls\r\nrm -rf x": "blocked",
    "rm -rf x\0": "blocked",
    "ls \ud800": "blocked",
    "": None,
}
"""Lines that are several, and what they come to; None is allowed."""


def lines_of(block: str) -> list[str]:
    """The commands of a block; one that opens a here-document has its body and end added."""
    return [f"{line}\nx\nE" if line.endswith("<<'E'") else line for line in block.strip("\n").split("\n")]
