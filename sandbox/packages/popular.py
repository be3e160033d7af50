"""Packages that everybody knows, and whose names are therefore imitated."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PYTHON = _words(
    """
    aiofiles aiohttp alembic anyio apache-airflow argcomplete arrow asgiref asyncpg attrs authlib babel bcrypt
    beautifulsoup4 black bleach bokeh boto3 botocore bottle build cachetools celery certifi cffi chardet
    charset-normalizer click colorama coverage cryptography cython dask datasets decorator discord-py distro django
    django-cors-headers djangorestframework docker docutils fabric faker fastapi filelock flake8 flask flask-cors
    flask-login flask-sqlalchemy frozenlist fsspec gensim gitpython google-api-python-client google-auth
    google-cloud-storage graphene greenlet grpcio gunicorn h5py httplib2 httptools httpx huggingface-hub hypothesis
    idna imageio importlib-metadata iniconfig ipykernel ipython isort itsdangerous jinja2 jmespath joblib jsonschema
    jupyter keras keyring kubernetes langchain lightgbm llvmlite loguru lxml mako markdown markdown-it-py markupsafe
    marshmallow matplotlib mock more-itertools msgpack multidict mypy mysqlclient networkx nltk notebook numba numpy
    oauthlib openai opencv-python opencv-python-headless openpyxl orjson packaging pandas paramiko passlib pathspec
    peewee pendulum pexpect pillow pip platformdirs playwright plotly pluggy polars prometheus-client prompt-toolkit
    protobuf psutil psycopg psycopg2 psycopg2-binary pyarrow pyasn1 pycodestyle pycparser pycryptodome pydantic
    pydantic-core pydantic-settings pyflakes pygments pyjwt pylint pymongo pymysql pynacl pyopenssl pyparsing pypdf
    pyserial pytest pytest-asyncio pytest-cov pytest-mock pytest-xdist python-dateutil python-docx python-dotenv
    python-jose python-multipart python-slugify pytz pyyaml pyzmq rasterio redis regex requests requests-oauthlib rich
    rsa ruff s3transfer sanic scikit-image scikit-learn scipy scrapy seaborn selenium sentry-sdk setuptools shapely
    simplejson six sniffio sortedcontainers soupsieve spacy sphinx sqlalchemy sqlmodel sqlparse starlette statsmodels
    streamlit structlog sympy tabulate tenacity tensorflow textual tiktoken tokenizers toml tomli toolz torch
    torchvision tornado tox tqdm transformers twine twisted typer typing-extensions tzdata tzlocal ujson urllib3 uv
    uvicorn uvloop virtualenv watchdog watchfiles websocket-client websockets werkzeug wheel wrapt wtforms xgboost
    xlrd xlsxwriter yarl zipp zstandard
    """
)
NODE = _words(
    """
    ajv angular async autoprefixer axios babel-core babel-loader bcrypt bcryptjs bluebird body-parser bootstrap
    chai chalk cheerio chokidar classnames colors commander compression concurrently cookie-parser core-js cors
    cross-env css-loader d3 date-fns dayjs debug dotenv ejs electron esbuild eslint eslint-config-prettier
    eslint-plugin-import eslint-plugin-react event-stream execa express express-session express-validator fastify
    file-loader formik fs-extra glob graphql grunt gulp handlebars helmet highcharts http-proxy husky immutable
    inquirer ioredis jest joi jquery js-yaml jsdom jsonwebtoken karma knex koa leaflet less lint-staged lodash
    lodash-es marked material-ui mime minimatch minimist mkdirp mocha moment moment-timezone mongodb mongoose morgan
    multer mysql mysql2 nanoid next node-fetch nodemailer nodemon nuxt nyc ora passport passport-jwt path-to-regexp pg
    pino playwright pm2 postcss preact prettier prisma prop-types pug puppeteer qs query-string ramda react react-dom
    react-redux react-router react-router-dom redis redux redux-thunk request rimraf rollup rxjs sass sass-loader
    semver sequelize serve-static sharp shelljs shortid sinon socket.io socket.io-client sqlite3 ssh2 storybook stripe
    style-loader styled-components stylelint superagent supertest svelte tailwindcss through2 ts-jest ts-loader
    ts-node tslib turbo typeorm typescript underscore undici uuid validator vite vitest vue vue-router vuex webpack
    webpack-cli webpack-dev-server winston ws xml2js yargs yarn zod zustand
    """
)
