/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>

/* Codes: ISO 17978-3 Table 18. Vendor codes stand where the standard has no word. */
static const struct sovd_error_info table[SOVD_E_MAX] = {
        [SOVD_E_BAD_REQUEST] = { 400, "incomplete-request", NULL, "The request is malformed or incomplete." },
        [SOVD_E_BAD_VALUE] = { 400, "incomplete-request", NULL, "The written value is not acceptable." },
        [SOVD_E_SIGNATURE] = { 400, "invalid-signature", NULL, "The signature of the payload is wrong." },
        [SOVD_E_FORBIDDEN] = { 403, "insufficient-access-rights", NULL, "The resource may not be used like this." },
        [SOVD_E_NO_ENTITY] = { 404, "vendor-specific", "entity-not-found", "There is no such entity." },
        [SOVD_E_NOT_FOUND] = { 404, "vendor-specific", "resource-not-found", "There is no such resource." },
        [SOVD_E_METHOD] = { 405, "vendor-specific", "method-not-allowed", "The resource does not offer this method." },
        [SOVD_E_NOT_ACCEPTABLE] = { 406, "vendor-specific", "not-acceptable", "No acceptable representation." },
        [SOVD_E_TIMEOUT] = { 408, "vendor-specific", "request-timeout", "The request did not arrive in time." },
        [SOVD_E_CONFLICT] = { 409, "precondition-not-fulfilled", NULL, "The state does not allow this." },
        [SOVD_E_LENGTH_REQUIRED] = { 411, "vendor-specific", "length-required", "The length of the body is not given." },
        [SOVD_E_PRECONDITION] = { 412, "vendor-specific", "precondition-failed", "If-Match names another version." },
        [SOVD_E_TOO_LARGE] = { 413, "vendor-specific", "payload-too-large", "The body is over the limit." },
        [SOVD_E_URI_TOO_LONG] = { 414, "vendor-specific", "uri-too-long", "The target is over the limit." },
        [SOVD_E_MEDIA_TYPE] = { 415, "vendor-specific", "unsupported-media-type", "The media type is not read here." },
        [SOVD_E_RANGE] = { 416, "vendor-specific", "range-not-satisfiable", "No byte of the range exists." },
        [SOVD_E_EXPECTATION] = { 417, "vendor-specific", "expectation-failed", "Only 100-continue is offered." },
        [SOVD_E_MISDIRECTED] = { 421, "vendor-specific", "misdirected-request", "The Host is not served here." },
        [SOVD_E_HEAD_TOO_LARGE] = { 431, "vendor-specific", "header-too-large", "The header fields are over the limit." },
        [SOVD_E_INTERNAL] = { 500, "sovd-server-failure", NULL, "The server failed." },
        [SOVD_E_NOT_IMPLEMENTED] = { 501, "vendor-specific", "not-implemented", "The backend does not offer this." },
        [SOVD_E_BAD_ANSWER] = { 502, "invalid-response-content", NULL, "The backend's answer cannot be understood." },
        [SOVD_E_UPSTREAM] = { 502, "error-response", NULL, "The backend answered with an error." },
        [SOVD_E_OVERLOAD] = { 503, "vendor-specific", "overload", "A limit is reached; try again later." },
        [SOVD_E_UNAVAILABLE] = { 503, "not-responding", NULL, "The backend is not reachable now." },
        [SOVD_E_NOT_RESPONDING] = { 504, "not-responding", NULL, "The backend did not answer in time." },
        [SOVD_E_HTTP_VERSION] = { 505, "vendor-specific", "http-version", "Only HTTP/1.0 and HTTP/1.1 are spoken." },
        [SOVD_E_UPDATE_AUTOMATED] = { 409, "update-automated-not-supported", NULL, "The package is not automated." },
        [SOVD_E_UPDATE_PREPARING] = { 409, "update-preparation-in-progress", NULL, "An update is being prepared." },
        [SOVD_E_UPDATE_EXECUTING] = { 409, "update-execution-in-progress", NULL, "An update is being executed." },
        [SOVD_E_UPDATE_RUNNING] = { 409, "update-process-in-progress", NULL, "An update runs." },
        [SOVD_E_UNAUTHORIZED] = { 401, "vendor-specific", "unauthorized", "The credentials are not known here." },
        [SOVD_E_LOCK_BROKEN] = { 409, "lock-broken", NULL, "Another client broke the lock." },
        [SOVD_E_STORAGE] = { 503, "vendor-specific", "storage-failed", "The state cannot be read or written now." },
        [SOVD_E_NO_SPACE] = { 507, "vendor-specific", "insufficient-storage", "There is no space for the change to last." },
        [SOVD_E_TOO_MANY] = { 429, "vendor-specific", "too-many-requests", "The client asks too often; try again later." },
        [SOVD_E_AUDIT] = { 503, "vendor-specific", "audit-unavailable", "The change cannot be put on record now." },
        [SOVD_E_SWITCHED_OFF] = { 503, "vendor-specific", "feature-off", "An admin has switched this off." },
};

const struct sovd_error_info *sovd_error_info(int error) {
        if (error <= 0 || error >= SOVD_E_MAX || !table[error].status)
                return &table[SOVD_E_INTERNAL];
        return &table[error];
}

int sovd_error_trace_at(int r, const char *file, int line, const char *func) {
        if (r < 0)
                sovd_log(SOVD_LOG_DEBUG, "%s:%d %s: %s", file, line, func, strerror(-r));
        return r;
}

int sovd_error_fold_at(int r, const char *file, int line, const char *func) {
        if (r <= 0)
                return r;

        sovd_log(SOVD_LOG_ERROR, "%s:%d %s: unexpected error %d (%s)", file, line, func, r,
                 sovd_error_info(r)->summary);
        return -ENOTRECOVERABLE;
}
