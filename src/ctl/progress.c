/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/progress.h"

#include "base/clock.h"

#include <unistd.h>

#define REDRAW_NS     INT64_C(200000000)
#define NS_PER_SECOND INT64_C(1000000000)

void progress_start(struct progress *progress, FILE *to, const char *what, size_t done,
		    size_t total)
{
	*progress = (struct progress){.to = to,
				      .shown = isatty(fileno(to)) == 1,
				      .what = what,
				      .total = total,
				      .first = done,
				      .start_ns = clock_monotonic_ns()};
}

void progress_line(const struct progress *progress, size_t done, int64_t now_ns, char *out,
		   size_t size)
{
	double seconds = (double)(now_ns - progress->start_ns) / (double)NS_PER_SECOND;
	double rate = seconds > 0 ? (double)(done - progress->first) / seconds : 0;
	int len = snprintf(out, size, "%zu of %zu %s", done, progress->total, progress->what);

	/* before the first second a rate is only noise */
	if (seconds >= 1 && rate >= 1 && (size_t)len < size) {
		snprintf(out + len, size - (size_t)len, ", %.0f/s, %.0f s left", rate,
			 (double)(progress->total - done) / rate);
	}
}

void progress_update(struct progress *progress, size_t done)
{
	int64_t now = clock_monotonic_ns();
	char line[120];

	if (!progress->shown || now - progress->last_ns < REDRAW_NS) {
		return;
	}
	progress->last_ns = now;
	progress_line(progress, done, now, line, sizeof(line));
	fprintf(progress->to, "\r%s\033[K", line);
	fflush(progress->to);
}

void progress_end(struct progress *progress)
{
	if (progress->shown && progress->last_ns != 0) {
		fputs("\r\033[K", progress->to);
		fflush(progress->to);
	}
}
