"""What a WSGI server loads: `gunicorn wsgi:app`."""

from workbench import create_app
from workbench.config import settings

app = create_app(settings())
