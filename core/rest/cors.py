"""Cross-origin resource sharing (CORS): the origins whose pages may call the server and read its responses."""

from urllib.parse import SplitResult

from corsheaders.conf import conf
from corsheaders.middleware import CorsMiddleware
from django.http import HttpRequest, HttpResponseBase

from core.rest.origins import normalized

#: Public paths, which pages of any origin may read.
PUBLIC = ("/.well-known/jwks.json", "/api/v1/openapi.json")


class Cors(CorsMiddleware):
    """CORS with normalized origins. Public paths allow any origin."""

    def is_enabled(self, request: HttpRequest) -> bool:
        return is_public(request) or super().is_enabled(request)

    def add_response_headers(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not is_public(request):
            return super().add_response_headers(request, response)
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Expose-Headers"] = ", ".join(conf.CORS_EXPOSE_HEADERS)
        if request.method == "OPTIONS":
            response["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
            response["Access-Control-Allow-Headers"] = ", ".join(conf.CORS_ALLOW_HEADERS)
            response["Access-Control-Max-Age"] = str(conf.CORS_PREFLIGHT_MAX_AGE)
        return response

    def origin_found_in_white_lists(self, origin: str, url: SplitResult) -> bool:
        return is_allowed(origin)


def is_public(request: HttpRequest) -> bool:
    """Return whether pages of any origin may read this path."""
    return request.path_info.removesuffix("/") in PUBLIC


def is_allowed(origin: str) -> bool:
    """Return whether the settings allow pages of this origin to call the API."""
    normal_form = normalized(origin)
    return normal_form is not None and normal_form in {normalized(allowed) for allowed in conf.CORS_ALLOWED_ORIGINS}
