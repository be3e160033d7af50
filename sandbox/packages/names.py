"""What a module is called where it is installed from."""

from sandbox.packages.values import canonical

DISTRIBUTIONS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "Cryptodome": "pycryptodomex",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "discord": "discord.py",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "PyMuPDF",
    "flask_cors": "Flask-Cors",
    "flask_login": "Flask-Login",
    "flask_sqlalchemy": "Flask-SQLAlchemy",
    "git": "GitPython",
    "github": "PyGithub",
    "googleapiclient": "google-api-python-client",
    "grpc": "grpcio",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "ldap": "python-ldap",
    "magic": "python-magic",
    "markdown": "Markdown",
    "mysql": "mysql-connector-python",
    "MySQLdb": "mysqlclient",
    "multipart": "python-multipart",
    "nacl": "PyNaCl",
    "odf": "odfpy",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "pyximport": "Cython",
    "rest_framework": "djangorestframework",
    "ruamel": "ruamel.yaml",
    "sentry_sdk": "sentry-sdk",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slack_sdk": "slack-sdk",
    "slugify": "python-slugify",
    "socks": "PySocks",
    "telegram": "python-telegram-bot",
    "tlz": "toolz",
    "typing_extensions": "typing_extensions",
    "usb": "pyusb",
    "websocket": "websocket-client",
    "werkzeug": "Werkzeug",
    "win32api": "pywin32",
    "wx": "wxPython",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
"""Import name to distribution, where the two differ."""


def distribution_of(module: str) -> str:
    """The distribution that provides a top-level module: by the table, else of the same name."""
    return DISTRIBUTIONS.get(module, module)


def modules_of(distribution: str) -> tuple[str, ...]:
    """The top-level modules that a distribution is known for, its own name among them."""
    wanted = canonical(distribution)
    known = [module for module, name in DISTRIBUTIONS.items() if canonical(name) == wanted]
    return (*known, wanted.replace("-", "_"))


def package_of(specifier: str) -> str:
    """The npm package of a module specifier: `lodash/fp` is of `lodash`, `@scope/name/x` of `@scope/name`."""
    parts = specifier.split("/")
    return "/".join(parts[:2]) if specifier.startswith("@") else parts[0]
