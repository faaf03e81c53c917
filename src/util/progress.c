/*
 * The progress line. There is one terminal for the whole program, and so there is one of
 * these.
 */
#include "memscan/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "memscan/io.h"
#include "memscan/log.h"
#include "memscan/text.h"

enum { JOBS_MAX = 8, LINE_CAP = 256, EVERY_NS = 100000000, SECOND_NS = 1000000000 };

/* A job fills from .. from + width of the whole. */
struct job {
	double from, width;
	unsigned total, before, share; /* those of the steps before this one, and of this */
};

static struct {
	struct job job[JOBS_MAX];
	size_t n; /* more than JOBS_MAX are counted, and not looked into */
	struct progress_line line;
	uint64_t begun, drawn_at;
	unsigned columns; /* 0: nothing is drawn */
	bool is_drawn;
} p;

static size_t
put_time(char *buf, size_t cap, uint64_t ns)
{
	unsigned long long s = (ns + SECOND_NS / 2) / SECOND_NS;
	int n;

	if (s < 60)
		n = snprintf(buf, cap, "%llu s", s);
	else if (s < 3600)
		n = snprintf(buf, cap, "%llu min %02llu s", s / 60, s % 60);
	else
		n = snprintf(buf, cap, "%llu h %02llu min", s / 3600, s / 60 % 60);
	return n > 0 ? (size_t)n : 0;
}

char *
progress_text(const struct progress_line *line, char *buf, size_t cap)
{
	char amount[TEXT_NUM], elapsed[TEXT_NUM], rest[TEXT_NUM];
	char share[TEXT_NUM] = "", time[2 * TEXT_NUM + 32] = "", of[TEXT_NUM + 64] = "";
	double done = line->share > 1 ? 1 : line->share;

	if (line->unit != NULL)
		snprintf(of, sizeof(of), ", %s %s", text_count(amount, line->amount),
			line->unit);
	if (done >= 0)
		snprintf(share, sizeof(share), "%d%%", (int)(done * 100));
	put_time(elapsed, sizeof(elapsed), line->elapsed_ns);
	if (line->elapsed_ns >= SECOND_NS) {
		put_time(rest, sizeof(rest),
			done < 0.01 ? 0
				    : (uint64_t)((double)line->elapsed_ns * (1 - done) / done));
		snprintf(time, sizeof(time), "%s%s%s%s%s", share[0] != '\0' ? ", " : "",
			elapsed, done < 0.01 ? "" : ", about ", done < 0.01 ? "" : rest,
			done < 0.01 ? "" : " to go");
	}
	snprintf(buf, cap, "%s%s%s%s%s", line->what != NULL ? line->what : "working", of,
		share[0] != '\0' || time[0] != '\0' ? ": " : "", share, time);
	return buf;
}

/* How wide the line may be; 0 if there is no terminal to draw on. */
static unsigned
columns_of_terminal(void)
{
	struct winsize w;

	if (log_level() < LOG_NORMAL || !isatty(STDERR_FILENO))
		return 0;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col < 2)
		return 80;
	return w.ws_col;
}

static void
draw(void)
{
	char text[LINE_CAP];
	uint64_t now = io_now_ns();

	if (p.is_drawn && now - p.drawn_at < EVERY_NS)
		return;
	p.is_drawn = true;
	p.drawn_at = now;
	p.line.elapsed_ns = now - p.begun;
	progress_text(&p.line, text, sizeof(text));
	/* A line that goes round the edge cannot be taken back. */
	fprintf(stderr, "\r\033[K%.*s", (int)p.columns - 1, text);
	fflush(stderr);
}

void
progress_begin(unsigned total)
{
	struct job job = {.width = 1, .total = total > 0 ? total : 1};

	if (p.n == 0) {
		p.columns = columns_of_terminal();
		p.begun = io_now_ns();
		p.line = (struct progress_line){0};
	} else if (p.n < JOBS_MAX) {
		const struct job *out = &p.job[p.n - 1];
		job.from = out->from + out->width * out->before / out->total;
		job.width = out->width * out->share / out->total;
	}
	if (p.n < JOBS_MAX)
		p.job[p.n] = job;
	p.n++;
}

void
progress_end(void)
{
	if (p.n > 0)
		p.n--;
	if (p.n == 0)
		progress_clear();
}

void
progress_stop(void)
{
	p.n = 0;
	progress_clear();
}

void
progress_step(const char *what, unsigned share)
{
	if (p.n == 0 || p.columns == 0 || p.n > JOBS_MAX)
		return;
	struct job *job = &p.job[p.n - 1];
	job->before += job->share;
	if (job->before > job->total)
		job->before = job->total;
	job->share = share < job->total - job->before ? share : job->total - job->before;
	p.line.what = what;
	p.line.unit = NULL;
	progress_count(0, 1);
}

void
progress_count(uint64_t done, uint64_t total)
{
	if (p.n == 0 || p.columns == 0 || p.n > JOBS_MAX)
		return;
	const struct job *job = &p.job[p.n - 1];
	double part = total == 0 ? 0 : done < total ? (double)done / (double)total : 1;
	double at = job->from + job->width * (job->before + job->share * part) / job->total;
	/* Steps that are counted twice do not go back. */
	p.line.share = total == 0 ? -1 : at > p.line.share ? at : p.line.share;
	draw();
}

void
progress_amount(uint64_t n, const char *unit)
{
	p.line.amount = n;
	p.line.unit = unit;
}

void
progress_clear(void)
{
	if (!p.is_drawn)
		return;
	p.is_drawn = false;
	fputs("\r\033[K", stderr);
	fflush(stderr);
}
